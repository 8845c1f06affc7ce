package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outage is how long Consul and Vault are away: REDOUBT_TEST_OUTAGE=60s for longer than the default.
func outage(t testing.TB) time.Duration {
	text := os.Getenv("REDOUBT_TEST_OUTAGE")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "REDOUBT_TEST_OUTAGE")
	return d
}

// TestMeshUnderLoad: certificates are replaced, and Consul and Vault go away, while requests keep coming. None fails
// and nothing restarts, in either mode. It has the machine to itself: between two outages there are ten seconds in which to catch up.
func TestMeshUnderLoad(t *testing.T) {
	for _, mode := range []string{"sidecar", "native"} {
		t.Run(mode, func(t *testing.T) {
			l := up(t, "--mode", mode)
			t.Run("new leaves", func(t *testing.T) { testRotate(t, l, "leaf") })
			t.Run("new root", func(t *testing.T) { testRotate(t, l, "ca") })
			t.Run("Consul and Vault away", func(t *testing.T) { testAway(t, l, "consul", "vault") })
		})
	}
}

func testRotate(t *testing.T, l *lab, subject string) {
	before := l.leaves(t)
	load := l.load(t, 20)
	load.more(t, 20)
	got := l.run(t, "rotate", subject, "--json")
	require.Zero(t, got.code, got.stderr)
	load.more(t, 40)
	load.finish(t)
	after := l.leaves(t)
	require.Len(t, after, len(before))
	for name, leaf := range after {
		require.NotEqual(t, before[name].Serial, leaf.Serial, name)
		require.Equal(t, subject == "leaf", before[name].Issuer == leaf.Issuer, "%s: its issuer", name)
	}
	l.requireNoRestarts(t)
}

// testAway: k6 sends, and meanwhile one server after the other is killed and stays away. Whoever can't do without fails a request.
func testAway(t *testing.T, l *lab, servers ...string) {
	loaded := make(chan result, 1)
	go func() {
		loaded <- l.run(t, "load", "steady", "--rate", "10", "--without", strings.Join(servers, ","), "--away", outage(t).String(), "--json")
	}()
	for _, server := range servers {
		require.Eventually(t, func() bool {
			l.refresh(t)
			return len(loaded) > 0 || slicesContain(l.status.Degraded, server)
		}, 5*time.Minute, 200*time.Millisecond, server) // k6 may have to be built first
		if len(loaded) > 0 {
			got := <-loaded
			t.Fatalf("the load has ended: %s%s", got.stdout, got.stderr)
		}
		require.True(t, l.status.Ready, "it serves")
		headline, _, _ := strings.Cut(l.run(t, "status").stdout, "\n")
		require.Contains(t, headline, "degraded")
		require.Contains(t, headline, server)
		require.Eventually(t, func() bool {
			l.refresh(t)
			return l.status.Ready && len(l.status.Degraded) == 0
		}, outage(t)+30*time.Second, 200*time.Millisecond, "it catches up")
	}
	got := <-loaded
	t.Log(got.stdout)
	require.Zero(t, got.code, got.stderr)
	var report struct {
		Client  struct{ Requests, Failed int }
		Outages []struct {
			Component string
			From      float64 `json:"from_seconds"`
			Till      float64 `json:"till_seconds"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Positive(t, report.Client.Requests)
	require.Zero(t, report.Client.Failed)
	require.Len(t, report.Outages, len(servers))
	for i, o := range report.Outages {
		require.Equal(t, servers[i], o.Component)
		require.GreaterOrEqual(t, o.Till-o.From, outage(t).Seconds())
	}
	l.requireNoRestarts(t, servers...)
}

func slicesContain(all []degradation, component string) bool {
	for _, d := range all {
		if d.Component == component {
			return true
		}
	}
	return false
}

func (l *lab) requireNoRestarts(t testing.TB, but ...string) {
	t.Helper()
	l.refresh(t)
	for _, c := range l.status.Components {
		if !slices.Contains(but, c.Name) {
			require.Zero(t, c.Restarts, c.Name)
		}
	}
}

// TestReplicas: load reaches all replicas; one that dies or hangs loses nothing, and takes its share again by itself
// when it is back.
func TestReplicas(t *testing.T) {
	l := up(t, "--replicas", "ingestion=3,inference=2")
	ingestion, inference := []string{"ingestion", "ingestion.2", "ingestion.3"}, []string{"inference", "inference.2"}
	t.Run("load spreads", func(t *testing.T) {
		load := l.load(t, 20)
		load.more(t, 200)
		load.finish(t)
		for _, name := range append(ingestion, inference...) {
			require.GreaterOrEqual(t, l.requests(t, name), 5, name)
		}
	})
	t.Run("a replica is killed", func(t *testing.T) {
		for _, name := range []string{"ingestion.2", "ingestion.3.sidecar", "inference.2"} {
			load := l.load(t, 20, repeatable...)
			load.more(t, 20)
			l.refresh(t)
			require.NoError(t, syscall.Kill(l.component(t, name).PID, syscall.SIGKILL))
			load.more(t, 60)
			load.finish(t)
		}
	})
	t.Run("a replica hangs", func(t *testing.T) {
		for _, name := range []string{"ingestion.2", "ingestion.3.sidecar", "inference.2"} {
			load := l.load(t, 20, repeatable...)
			load.more(t, 20)
			l.refresh(t)
			pid := l.component(t, name).PID
			require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
			load.more(t, 200)
			require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
			load.finish(t)
		}
	})
	t.Run("a new one takes load by itself", func(t *testing.T) {
		load := l.load(t, 20, repeatable...)
		for _, name := range []string{"ingestion.2", "inference.2"} {
			require.Zero(t, l.run(t, "stop", name).code)
			load.more(t, 10)
			require.Zero(t, l.run(t, "start", name).code)
			before := l.requests(t, name)                                                                                            // it says ready once it is
			require.Eventually(t, func() bool { return l.requests(t, name) > before+5 }, 40*time.Second, 200*time.Millisecond, name) // a gRPC connection lasts 15 s
		}
		load.finish(t)
	})
	l.refresh(t)
	require.True(t, l.status.Ready)
}

var requestCount = regexp.MustCompile(`(?m)^redoubt_server_request_duration_seconds_count\{[^\n]*\} (\d+)$`)

// requests is how many requests a replica has served since it started.
func (l *lab) requests(t testing.TB, instance string) (total int) {
	t.Helper()
	for _, m := range requestCount.FindAllStringSubmatch(string(l.admin(t, instance, "admin.sock", "/metrics")), -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		total += n
	}
	return total
}

type leaf struct{ Serial, Issuer string }

// leaves are the mesh certificates in force, by instance.
func (l *lab) leaves(t testing.TB) map[string]leaf {
	t.Helper()
	all := map[string]leaf{}
	sockets, err := filepath.Glob(filepath.Join(l.runDir(t), "*", "sidecar.sock"))
	require.NoError(t, err)
	for _, socket := range sockets {
		name := filepath.Base(filepath.Dir(socket))
		var at leaf
		require.NoError(t, json.Unmarshal(l.admin(t, name, "sidecar.sock", "/v1/leaf"), &at))
		all[name] = at
	}
	require.NotEmpty(t, all)
	return all
}

// admin asks one of a workload's own sockets, as the operator on this machine may.
func (l *lab) admin(t testing.TB, instance, socket, path string) []byte {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(l.runDir(t), instance, socket))
		}}}
	res, err := client.Get("http://admin" + path)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, string(body))
	return body
}
