package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/images"
)

// containers are one platform of docker-compose.yml, under a project's name of its own.
type containers struct {
	project string
	url     string
	env     []string
	client  *http.Client
}

// TestContainers has an engine that reaches no registry run the platform from images assembled here.
func TestContainers(t *testing.T) {
	for _, program := range []string{"docker", "docker-compose"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: %s isn't installed", program)
		}
	}
	if out, err := exec.Command("docker", "info", "--format", "{{.ServerVersion}}").CombinedOutput(); err != nil {
		t.Skipf("skipped: no Docker engine answers: %s", bytes.TrimSpace(out))
	}
	if out, err := exec.Command(binary, "images").CombinedOutput(); err != nil {
		require.NoError(t, err, string(out))
	}
	p := composeUp(t)

	t.Run("a document crosses every hop", func(t *testing.T) {
		require.Equal(t, http.StatusUnauthorized, p.document(t, "no token"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("segmentation", p.segmentation)
	t.Run("a paused service is an outage of its own", func(t *testing.T) {
		p.docker(t, "pause", p.name("inference"))
		p.eventually(t, away...)
		p.docker(t, "unpause", p.name("inference"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("a killed service comes back", func(t *testing.T) {
		p.docker(t, "kill", p.name("payments"))
		p.eventually(t, away...)
		p.docker(t, "start", p.name("payments"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("a restarted Vault is opened again", func(t *testing.T) {
		p.docker(t, "restart", p.name("vault"))
		p.eventually(t, http.StatusCreated) // with a token that only an open Vault gives
	})
	t.Run("nothing secret in what the engine shows", func(t *testing.T) {
		ids := strings.Fields(p.docker(t, "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+p.project))
		require.NotEmpty(t, ids)
		shown := p.docker(t, append([]string{"inspect", "--format", "{{.Config.Env}} {{.Path}} {{.Args}} {{.Config.Labels}}"}, ids...)...)
		require.Contains(t, shown, "REDOUBT_VAULT_ADDR", "it does show environments")
		require.NotRegexp(t, `eyJ[A-Za-z0-9_-]{10}|hv[sb]\.|PRIVATE KEY|(?i:password|token|secret)=`, shown)
	})
	t.Run("no secret in an image", func(t *testing.T) {
		for _, pkg := range images.Ours { // the servers' bring sample keys of their libraries' own tests along
			name := "redoubt/" + pkg[strings.LastIndex(pkg, "/")+1:] + ":" + images.Tag
			save, scan := exec.Command("docker", "save", name), exec.Command(binary, "secrets", "scan", "-")
			r, w := io.Pipe()
			save.Stdout, scan.Stdin = w, r
			require.NoError(t, save.Start())
			go func() { w.CloseWithError(save.Wait()) }()
			out, err := scan.CombinedOutput()
			require.NoError(t, err, "%s: %s", name, out)
			require.NotContains(t, string(out), " 0 files", name)
		}
	})
	t.Run("down leaves nothing", func(t *testing.T) {
		p.compose(t, "down", "--volumes", "--timeout", "5")
		for _, what := range [][]string{{"ps", "--all"}, {"network", "ls"}, {"volume", "ls"}} {
			left := p.docker(t, append(what, "--quiet", "--filter", "label=com.docker.compose.project="+p.project)...)
			require.Empty(t, left, what)
		}
	})
}

// composeUp starts the platform and waits until it has served its first requests. It is taken down with the test.
func composeUp(t *testing.T) *containers {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	p := &containers{project: fmt.Sprintf("redoubt-e2e-%d", rand.IntN(1e6)), url: "https://" + address,
		env: append(os.Environ(), "REDOUBT_PORT="+port, fmt.Sprintf("REDOUBT_SUBNET=10.%d", 128+rand.IntN(80)))}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.run("docker", "logs", "--tail", "20", p.name("operator")))
			t.Log(p.run("docker-compose", "-p", p.project, "-f", "../../docker-compose.yml", "ps"))
		}
		_, _ = p.run("docker-compose", "-p", p.project, "-f", "../../docker-compose.yml", "down", "--volumes", "--timeout", "5")
	})
	p.compose(t, "up", "--detach", "--no-build")
	require.Equal(t, "0", p.docker(t, "wait", p.name("ready")), "the step that says that the platform serves")
	file := filepath.Join(t.TempDir(), "ca.pem")
	p.docker(t, "cp", p.name("operator")+":/run/redoubt/public/ca.pem", file)
	authority, err := os.ReadFile(file)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(authority))
	p.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}}}
	return p
}

// name is a service's container, as docker-compose 1.29 and Compose v2 name it between them.
func (p *containers) name(service string) string {
	id, _ := p.run("docker", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+p.project,
		"--filter", "label=com.docker.compose.service="+service)
	return id
}

func (p *containers) run(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = p.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", program, args[0], err, errs.String())
	}
	return strings.TrimSpace(out.String()), err
}

func (p *containers) docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.run("docker", args...)
	require.NoError(t, err)
	return out
}

func (p *containers) compose(t *testing.T, args ...string) {
	t.Helper()
	_, err := p.run("docker-compose", append([]string{"-p", p.project, "-f", "../../docker-compose.yml"}, args...)...)
	require.NoError(t, err)
}

// document sends one, and returns the status of the answer.
func (p *containers) document(t *testing.T, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/documents",
		strings.NewReader(`{"title": "greeting", "text": "Guten Morgen, wie geht es Ihnen heute?"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", fmt.Sprint("containers-", rand.Uint64()))
	res, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// away is what the gateway answers while a service that a document needs is away, hangs, or has just been found to.
var away = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// eventually sends documents, each with a token asked for anew, until one is answered with one of these statuses.
func (p *containers) eventually(t *testing.T, statuses ...int) {
	t.Helper()
	require.Eventually(t, func() bool {
		token, err := p.run("docker", "exec", p.name("operator"), "/operator", "token", "alice")
		return err == nil && slices.Contains(statuses, p.document(t, token))
	}, 3*time.Minute, 500*time.Millisecond, "no document was answered with one of %v", statuses)
}
