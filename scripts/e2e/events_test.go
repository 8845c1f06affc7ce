package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// TestEvents: what each control decides is in sentinel's store within a second, in the name of who decided.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"sidecar", "native"} {
		t.Run(mode, func(t *testing.T) {
			l := up(t, "--mode", mode)
			w := &watch{lab: l, client: sentinel.NewClient(filepath.Join(l.runDir(t), "sentinel", "admin.sock"))}
			t.Run("refusals arrive", func(t *testing.T) { testRefusalsArrive(t, w, mode) })
			t.Run("every process says that it is there", func(t *testing.T) { testHeartbeats(t, w, mode) })
			t.Run("nobody is named", func(t *testing.T) { testNobodyIsNamed(t, w) })
			t.Run("sentinel is away", func(t *testing.T) { testSentinelAway(t, w) })
			if mode == "native" { // once is enough: nothing in it is the mesh's
				t.Run("what finds no room is known", func(t *testing.T) { testEventsLost(t, w) })
			}
		})
	}
}

// watch looks into sentinel's store.
type watch struct {
	lab    *lab
	client *sentinel.Client
}

func (w *watch) events(t testing.TB, q alert.EventQuery) []alert.Event {
	t.Helper()
	q.Limit = 10_000
	all, err := w.client.Events(t.Context(), q)
	require.NoError(t, err)
	return all
}

// arrives waits a second for an event.
func (w *watch) arrives(t testing.TB, q alert.EventQuery) alert.Event {
	t.Helper()
	q.Outcome = "failure"
	began := time.Now()
	var found []alert.Event
	require.Eventually(t, func() bool { found = w.events(t, q); return len(found) > 0 }, time.Second, 10*time.Millisecond, "%+v", q)
	t.Logf("%v after it was done, %v after it happened", time.Since(began).Round(time.Millisecond), found[0].Observed.Sub(found[0].Time).Round(time.Millisecond))
	return found[0]
}

func testRefusalsArrive(t *testing.T, w *watch, mode string) {
	l := w.lab
	node := func(service string) string {
		if mode == "sidecar" {
			return service + ".sidecar"
		}
		return service
	}
	t.Run("the gateway", func(t *testing.T) {
		id := l.must(t, "GET", "/v1/account", "", nil).header.Get("X-Request-Id")
		e := w.arrives(t, alert.EventQuery{Request: id, Dataset: event.Decision})
		require.Equal(t, []any{"gateway", "edge.jwt.present"}, []any{e.Fields[event.Service], e.Fields[event.RuleID]})
	})
	t.Run("an app", func(t *testing.T) {
		var doc document
		l.must(t, "POST", "/v1/documents", l.token(t, "alice"), sample).into(t, &doc)
		id := l.must(t, "GET", "/v1/documents/"+doc.ID, l.token(t, "bob"), nil).header.Get("X-Request-Id")
		e := w.arrives(t, alert.EventQuery{Request: id, Control: "app.policy.owner"})
		require.Equal(t, []any{"ingestion", "gateway"}, []any{e.Fields[event.Service], e.Fields[event.Caller]})
	})
	t.Run("the mesh", func(t *testing.T) {
		since, client := time.Now(), l.intrude(t, "notification").http(t)
		_, err := client.Get("http://payments/v1/account")
		require.Error(t, err)
		e := w.arrives(t, alert.EventQuery{Control: "mesh.intention", Since: since})
		require.Equal(t, []any{"payments", node("payments"), "notification"}, []any{e.Fields[event.Service], e.Fields["service.node.name"], e.Fields[event.Caller]})
	})
	t.Run("Vault", func(t *testing.T) {
		since := time.Now()
		document, err := os.ReadFile(filepath.Join(l.runDir(t), "notification", "vault.jwt"))
		require.NoError(t, err)
		body, err := json.Marshal(map[string]string{"role": "payments", "jwt": strings.TrimSpace(string(document))})
		require.NoError(t, err)
		res, err := l.trusting(t).Post(l.environment(t, "payments")["REDOUBT_VAULT_ADDR"]+"/v1/auth/jwt/login", "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		e := w.arrives(t, alert.EventQuery{Service: "vault", Since: since})
		require.Equal(t, []any{"login", "payments"}, []any{e.Fields[event.Action], e.Fields[event.Claimed]})
	})
	t.Run("Consul", func(t *testing.T) {
		since := time.Now()
		err := l.intrude(t, "notification").consul.Agent().ServiceRegister(&consul.AgentServiceRegistration{Name: "payments"})
		require.ErrorContains(t, err, "Permission denied")
		e := w.arrives(t, alert.EventQuery{Service: "consul", Since: since})
		require.Equal(t, "service:write", e.Fields["redoubt.permission"])
	})
}

// trusting is a client of the lab's servers.
func (l *lab) trusting(t testing.TB) *http.Client {
	t.Helper()
	ca, err := os.ReadFile(l.status.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func testHeartbeats(t *testing.T, w *watch, mode string) {
	want := map[string]bool{}
	for _, service := range []string{"gateway", "ingestion", "inference", "payments", "notification", "modelstore", "sentinel"} {
		want[service] = true
		if mode == "sidecar" {
			want[service+".sidecar"] = true
		}
	}
	var alive map[string]bool
	since := time.Now()
	require.Eventually(t, func() bool {
		alive = map[string]bool{}
		for _, e := range w.events(t, alert.EventQuery{Dataset: event.Lifecycle, Since: since}) {
			if e.Fields[event.Action] == "alive" {
				alive[fmt.Sprint(e.Fields["service.node.name"])] = true
			}
		}
		return len(alive) >= len(want)
	}, 10*time.Second, 100*time.Millisecond, "%v", alive)
	require.Equal(t, want, alive)
}

// testNobodyIsNamed: who a principal is can be followed, and not be read.
func testNobodyIsNamed(t *testing.T, w *watch) {
	users := map[string]any{}
	for _, user := range []string{"alice", "alice", "bob"} {
		id := w.lab.must(t, "GET", "/v1/account", w.lab.token(t, user), nil).header.Get("X-Request-Id")
		var line alert.Event
		require.Eventually(t, func() bool {
			for _, e := range w.events(t, alert.EventQuery{Request: id, Service: "gateway", Dataset: event.Access}) {
				line = e
			}
			return line.ID != ""
		}, time.Second, 10*time.Millisecond)
		hash := line.Fields[event.User]
		require.Regexp(t, "^[0-9a-f]{32}$", hash)
		require.Contains(t, []any{nil, hash}, users[user])
		users[user] = hash
	}
	require.NotEqual(t, users["alice"], users["bob"])
	all, err := json.Marshal(w.events(t, alert.EventQuery{}))
	require.NoError(t, err)
	for _, name := range []string{"alice", "bob", "eyJ", "hvs."} {
		require.NotContains(t, string(all), name)
	}
}

// testSentinelAway: no request notices, and afterwards every one is in the store or was counted as lost.
func testSentinelAway(t *testing.T, w *watch) {
	since := time.Now()
	load := w.lab.load(t, 20, create, read)
	load.more(t, 20)
	require.Zero(t, w.lab.run(t, "stop", "sentinel").code)
	load.more(t, 60)
	require.Zero(t, w.lab.run(t, "start", "sentinel").code)
	load.more(t, 20)
	load.finish(t)

	stored, lost := 0, 0
	require.Eventually(t, func() bool {
		stored, lost = 0, 0
		all, err := w.client.Events(t.Context(), alert.EventQuery{Service: "gateway", Since: since, Limit: 10_000})
		for _, e := range all {
			switch {
			case e.Fields[event.Dataset] == event.Access && e.Fields["service.origin.name"] == "outside":
				stored++
			case e.Fields[event.Action] == "events-lost":
				n, _ := e.Fields[event.Lost].(float64)
				lost += int(n)
			}
		}
		return err == nil && stored+lost >= load.sent
	}, 20*time.Second, 100*time.Millisecond, "%d in the store, %d lost of %d", stored, lost, load.sent)
	t.Logf("%d requests: %d in the store, %d counted as lost", load.sent, stored, lost)
}

// testEventsLost: sentinel is away for too long, in a flood. How many events it never got is in its store to the last one.
func testEventsLost(t *testing.T, w *watch) {
	since := time.Now()
	require.Zero(t, w.lab.run(t, "stop", "sentinel").code)
	deadline := time.Now().Add(time.Minute)
	for w.lost(t) == 0 {
		require.True(t, time.Now().Before(deadline), "the buffer doesn't fill up")
		var flood sync.WaitGroup
		for range 16 {
			flood.Go(func() {
				for range 50 {
					if res, err := w.lab.client.Get(w.lab.status.GatewayURL + "/v1/account"); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
				}
			})
		}
		flood.Wait()
	}
	lost := w.lost(t)
	require.Zero(t, w.lab.run(t, "start", "sentinel").code)
	said := 0
	require.Eventually(t, func() bool {
		said = 0
		all, err := w.client.Events(t.Context(), alert.EventQuery{Service: "gateway", Dataset: event.Lifecycle, Since: since, Limit: 10_000})
		for _, e := range all {
			if n, ok := e.Fields[event.Lost].(float64); ok {
				said += int(n)
			}
		}
		return err == nil && said >= lost
	}, 20*time.Second, 100*time.Millisecond, "%d lost, %d reported", lost, said)
	require.Equal(t, w.lost(t), said)
}

// lost is what the gateway's metric says.
func (w *watch) lost(t testing.TB) (n int) {
	t.Helper()
	for line := range strings.Lines(string(w.lab.admin(t, "gateway", "admin.sock", "/metrics"))) {
		if rest, ok := strings.CutPrefix(line, "redoubt_events_lost_total{"); ok {
			_, value, _ := strings.Cut(rest, "} ")
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(t, err)
			n += int(f)
		}
	}
	return n
}
