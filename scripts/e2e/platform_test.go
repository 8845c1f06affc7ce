package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type document struct {
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Text     string            `json:"text"`
	Language string            `json:"language"`
	Charge   int64             `json:"charge"`
	Metadata map[string]string `json:"metadata"`
}

type entry struct {
	Account string `json:"account"`
	Amount  int64  `json:"amount"`
}

type transfer struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind"`
	Amount  int64   `json:"amount"`
	Entries []entry `json:"entries"`
}

var sample = map[string]any{
	"title":    "Minutes",
	"text":     "The board agreed on Monday to publish the report before the end of the month.",
	"metadata": map[string]string{"origin": "test"},
}

// TestPlatform starts the lab once for each way into the mesh; its parts run in order against it.
func TestPlatform(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"sidecar", "native"} {
		t.Run(mode, func(t *testing.T) { testPlatform(t, mode) })
	}
}

func testPlatform(t *testing.T, mode string) {
	customer := newReceiver(t)
	l := environment{"REDOUBT_NOTIFICATION_WEBHOOK_ALLOW=" + customer.address()}.up(t, "--mode", mode)
	t.Run("status says ready", func(t *testing.T) { testStatus(t, l, mode) })
	t.Run("without a good token nothing is served", func(t *testing.T) { testRefused(t, l) })
	t.Run("a document crosses every hop", func(t *testing.T) { testDocument(t, l) })
	t.Run("the owner gets a signed webhook", func(t *testing.T) { testWebhook(t, l, customer) })
	t.Run("an inference is charged", func(t *testing.T) { testInference(t, l) })
	if mode == "sidecar" { // once is enough: nothing in it is the mesh's
		t.Run("a second lab doesn't collide", func(t *testing.T) { testSideBySide(t, l) })
	}
	t.Run("killed components come back", func(t *testing.T) { testKill(t, l) })
	t.Run("stop holds a component down", func(t *testing.T) { testStop(t, l) })
	t.Run("down leaves nothing", func(t *testing.T) { testDown(t, l) })
}

func testStatus(t *testing.T, l *lab, mode string) {
	require.True(t, l.status.Ready)
	require.Equal(t, mode, l.status.Mode)
	require.Empty(t, l.status.Degraded)
	require.Equal(t, "layered", l.status.Profile)
	require.Positive(t, l.status.Startup)
	var sum int64
	for _, c := range l.status.Components {
		require.Contains(t, []string{"ready", "done"}, c.State, c.Name)
		sum += c.RSS
	}
	require.Equal(t, sum, l.status.RSS)
	expected := []string{"supervisor", "consul", "vault", "postgres"}
	for _, service := range []string{"gateway", "ingestion", "inference", "payments", "notification", "modelstore", "sentinel"} {
		expected = append(expected, service)
		if mode == "sidecar" {
			expected = append(expected, service+".sidecar")
		}
	}
	require.Len(t, l.status.Components, len(expected))
	for _, name := range expected {
		require.Positive(t, l.component(t, name).PID, name)
	}
	t.Logf("ready in %.1f s, %d MiB resident", l.status.Startup, l.status.RSS>>20)

	again := l.run(t, "up", "--detach")
	require.Equal(t, 1, again.code, "a second up in the same folder")
	require.Contains(t, again.stderr, "already")
}

func testRefused(t *testing.T, l *lab) {
	alice := l.token(t, "alice")
	parts := strings.Split(alice, ".")
	require.Len(t, parts, 3)
	for name, tc := range map[string]struct {
		token, method, path string
		want                int
	}{
		"no token":            {"", "POST", "/v1/documents", http.StatusUnauthorized},
		"garbage":             {"garbage", "POST", "/v1/documents", http.StatusUnauthorized},
		"signature cut off":   {parts[0] + "." + parts[1] + ".", "POST", "/v1/documents", http.StatusUnauthorized},
		"another's signature": {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "POST", "/v1/documents", http.StatusUnauthorized},
		"scope not granted":   {alice, "POST", "/v1/transfers", http.StatusForbidden},
		"narrowed token":      {l.token(t, "alice", "--scope", "documents:read"), "POST", "/v1/documents", http.StatusForbidden},
		"unknown path":        {alice, "GET", "/v1/authorizations", http.StatusNotFound},
		"internal route":      {alice, "GET", "/v1/transaction-keys", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			got := l.must(t, tc.method, tc.path, tc.token, sample)
			require.Equal(t, tc.want, got.status, string(got.body))
			require.Contains(t, got.header.Get("Content-Type"), "application/problem+json")
		})
	}
	require.Equal(t, 2, l.run(t, "token", "--user", "mallory").code)
	require.Equal(t, 2, l.run(t, "token", "--user", "alice", "--scope", "payments:refund").code)
}

func testDocument(t *testing.T, l *lab) {
	alice, bob := l.token(t, "alice"), l.token(t, "bob")
	var before, after struct{ Balance, Held int64 }
	l.must(t, "GET", "/v1/account", alice, nil).into(t, &before)

	created := l.must(t, "POST", "/v1/documents", alice, sample)
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	var doc document
	created.into(t, &doc)
	require.Equal(t, "en", doc.Language)
	require.Positive(t, doc.Charge)

	read := l.must(t, "GET", "/v1/documents/"+doc.ID, alice, nil)
	require.Equal(t, http.StatusOK, read.status, string(read.body))
	var back document
	read.into(t, &back)
	require.Equal(t, sample["text"], back.Text)
	require.Equal(t, sample["metadata"], back.Metadata)

	require.Equal(t, http.StatusNotFound, l.must(t, "GET", "/v1/documents/"+doc.ID, bob, nil).status, "someone else's document")
	require.NotContains(t, string(l.must(t, "GET", "/v1/documents", bob, nil).body), doc.ID)

	l.must(t, "GET", "/v1/account", alice, nil).into(t, &after)
	require.Equal(t, before.Balance-doc.Charge, after.Balance)
	require.Equal(t, before.Held, after.Held, "nothing is left on hold")
	var ledger struct{ Transfers []transfer }
	l.must(t, "GET", "/v1/account/transfers", alice, nil).into(t, &ledger)
	require.NotEmpty(t, ledger.Transfers)
	for _, tr := range ledger.Transfers {
		var sum int64
		for _, e := range tr.Entries {
			sum += e.Amount
		}
		require.Zero(t, sum, "transfer %s balances", tr.ID)
		require.NotEmpty(t, tr.Entries)
	}

	require.Eventually(t, func() bool {
		return strings.Contains(string(l.must(t, "GET", "/v1/inbox", alice, nil).body), doc.ID)
	}, 5*time.Second, 100*time.Millisecond, "the owner is notified")

	id := created.header.Get("X-Request-Id")
	require.NotEmpty(t, id)
	story := l.run(t, "logs", "--id", id)
	require.Zero(t, story.code, story.stderr)
	for _, hop := range []string{"gateway", "ingestion", "inference", "payments", "notification"} {
		require.Contains(t, story.stdout, hop, "one request, found at every hop")
	}
}

func testInference(t *testing.T, l *lab) {
	alice := l.token(t, "alice")
	body := map[string]string{"model": "langid", "input": "Wir treffen uns morgen früh am Bahnhof und fahren gemeinsam in die Stadt."}
	got := l.must(t, "POST", "/v1/inferences", alice, body)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	var answer struct {
		Labels []struct {
			Label string
			Score float64
		}
		Charge int64
	}
	got.into(t, &answer)
	require.Equal(t, "de", answer.Labels[0].Label)
	require.Positive(t, answer.Charge)

	stream := l.must(t, "POST", "/v1/inferences:stream", alice, body)
	require.Equal(t, http.StatusOK, stream.status, string(stream.body))
	require.Contains(t, stream.header.Get("Content-Type"), "text/event-stream")
	require.Contains(t, string(stream.body), "event: done")
}

func testSideBySide(t *testing.T, first *lab) {
	second := up(t)
	require.NotEqual(t, first.status.GatewayURL, second.status.GatewayURL)
	require.Equal(t, http.StatusUnauthorized, second.must(t, "GET", "/v1/account", "", nil).status)
	got, err := second.call(t, "GET", "/v1/account", first.token(t, "alice"), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, got.status, "another lab's token")
}

// testKill ends each service and sidecar in turn; a whole document goes through again within 5 s.
func testKill(t *testing.T, l *lab) {
	alice := l.token(t, "alice")
	for _, c := range l.status.Components {
		if slices.Contains([]string{"consul", "vault", "postgres", "supervisor"}, c.Name) || c.State == "done" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			l.refresh(t)
			pid := l.component(t, c.Name).PID
			require.Positive(t, pid)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			start := time.Now()
			require.Eventually(t, func() bool {
				got, err := l.call(t, "POST", "/v1/documents", alice, sample)
				return err == nil && got.status == http.StatusCreated
			}, 5*time.Second, 50*time.Millisecond)
			t.Logf("%s: served again after %s", c.Name, time.Since(start).Round(time.Millisecond))
			require.Eventually(t, func() bool {
				l.refresh(t)
				now := l.component(t, c.Name)
				return now.State == "ready" && now.PID != pid
			}, 10*time.Second, 100*time.Millisecond, "restarted")
		})
	}
}

func testStop(t *testing.T, l *lab) {
	alice := l.token(t, "alice")
	require.Zero(t, l.run(t, "stop", "payments").code)
	l.refresh(t)
	require.Equal(t, "stopped", l.component(t, "payments").State)
	require.False(t, l.status.Ready)
	got := l.must(t, "POST", "/v1/documents", alice, sample)
	require.Contains(t, []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, got.status, string(got.body))
	require.Contains(t, got.header.Get("Content-Type"), "application/problem+json")
	require.Zero(t, l.run(t, "start", "payments").code)
	require.Eventually(t, func() bool {
		got, err := l.call(t, "POST", "/v1/documents", alice, sample)
		return err == nil && got.status == http.StatusCreated
	}, 10*time.Second, 100*time.Millisecond)
	require.Equal(t, 2, l.run(t, "stop", "no-such-component").code)
}

func testDown(t *testing.T, l *lab) {
	l.refresh(t)
	runDir := l.runDir(t)
	require.Zero(t, l.run(t, "down").code)
	require.NoDirExists(t, runDir)
	require.Empty(t, processesUnder(t, runDir, l.dir))
	require.Equal(t, 1, l.run(t, "status").code)
}

// runDir is where the lab keeps its sockets: lab.json names it.
func (l *lab) runDir(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "lab.json"))
	require.NoError(t, err)
	var state struct {
		RunDir string `json:"run_dir"`
	}
	reply{body: raw}.into(t, &state)
	require.NotEmpty(t, state.RunDir)
	return state.RunDir
}

// processesUnder lists processes whose command line or working folder mentions one of the folders.
func processesUnder(t testing.TB, dirs ...string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		environ, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		for _, dir := range dirs {
			if strings.Contains(string(cmdline), dir) || strings.Contains(string(environ), dir) {
				found = append(found, e.Name()+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
			}
		}
	}
	return found
}
