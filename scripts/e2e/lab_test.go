package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is the lab's command line, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "redoubt-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "lab")
		build := exec.Command("go", "build", "-o", binary, "../lab")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build lab: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// environment is what the lab's commands get beside the test's own, "NAME=value" each: tests that run side by side can't use t.Setenv.
type environment []string

// weakens lets a command weaken what it starts.
var weakens = environment{"REDOUBT_UNSAFE_LAB=1"}

// lab is one lab directory, driven through the command line alone.
type lab struct {
	env    environment
	dir    string
	status status
	client *http.Client
}

type status struct {
	Ready      bool        `json:"ready"`
	Mode       string      `json:"mode"`
	Profile    string      `json:"profile"`
	Exercise   string      `json:"exercise"`
	Startup    float64     `json:"startup_seconds"`
	RSS        int64       `json:"rss_bytes"`
	GatewayURL string      `json:"gateway_url"`
	CAFile     string      `json:"ca_file"`
	Components []component `json:"components"`

	Degraded []degradation `json:"degraded"`
}

type degradation struct {
	Component string `json:"component"`
	Reason    string `json:"reason"`
}

type component struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	State   string `json:"state"`
	RSS     int64  `json:"rss_bytes"`
	Address string `json:"address"`

	Restarts int `json:"restarts"`
}

type result struct {
	stdout, stderr string
	code           int
}

// run executes one verb in the repository's root.
func run(t testing.TB, args ...string) result {
	t.Helper()
	return environment(nil).run(t, args...)
}

func (e environment) run(t testing.TB, args ...string) result {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), e...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// up starts a lab of its own for the test and takes it down afterwards.
func up(t testing.TB, args ...string) *lab {
	t.Helper()
	return environment(nil).up(t, args...)
}

func (e environment) up(t testing.TB, args ...string) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: starts the whole platform; run without -short")
	}
	l := &lab{env: e, dir: filepath.Join(t.TempDir(), "lab")}
	got := l.run(t, append([]string{"up", "--detach"}, args...)...)
	t.Cleanup(func() {
		if t.Failed() {
			l.dumpLogs(t)
		}
		l.run(t, "down")
	})
	require.Zero(t, got.code, "lab up: %s%s", got.stdout, got.stderr)
	l.refresh(t)
	ca, err := os.ReadFile(l.status.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	l.client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
	}
	return l
}

func (l *lab) run(t testing.TB, args ...string) result {
	t.Helper()
	return l.env.run(t, append(args, "--dir", l.dir)...)
}

// with is the lab as commands see it that have more in their environment.
func (l *lab) with(e environment) *lab {
	other := *l
	other.env = slices.Concat(l.env, e)
	return &other
}

func (l *lab) refresh(t testing.TB) {
	t.Helper()
	got := l.run(t, "status", "--json")
	l.status = status{}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &l.status), got.stdout+got.stderr)
}

func (l *lab) component(t testing.TB, name string) component {
	t.Helper()
	for _, c := range l.status.Components {
		if c.Name == name {
			return c
		}
	}
	require.Failf(t, "no such component", "%s in %+v", name, l.status.Components)
	return component{}
}

func (l *lab) token(t testing.TB, user string, more ...string) string {
	t.Helper()
	got := l.run(t, append([]string{"token", "--user", user}, more...)...)
	require.Zero(t, got.code, got.stderr)
	return strings.TrimSpace(got.stdout)
}

// reply is a response, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) into(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.body, v), string(r.body))
}

// call sends one request; body is marshalled unless nil, header is key, value.
func (l *lab) call(t testing.TB, method, path, token string, body any, header ...string) (reply, error) {
	t.Helper()
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, l.status.GatewayURL+path, payload)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := l.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, raw}, err
}

// must is call where a transport error fails the test.
func (l *lab) must(t testing.TB, method, path, token string, body any, header ...string) reply {
	t.Helper()
	got, err := l.call(t, method, path, token, body, header...)
	require.NoError(t, err)
	return got
}

func (l *lab) dumpLogs(t testing.TB) {
	files, _ := filepath.Glob(filepath.Join(l.dir, "logs", "*.log"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		t.Logf("== %s\n%s", filepath.Base(file), strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}
