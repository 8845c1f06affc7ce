package plane_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/plane"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// workload is one service with its sidecar: real sockets, real Consul, one process.
type workload struct {
	*plane.Sidecar
	mesh *mesh.Mesh
	log  *meshtest.Log
	dir  string
	name string
	ill  atomic.Value // why the app isn't ready; "" when it is, and hangs
	stop func() error // as SIGTERM
	kill func()       // ends the app
}

func start(t *testing.T, env *controlplanetest.Env, name string, upstreams ...string) *workload {
	t.Helper()
	w := prepare(t, env, name, "sidecar", upstreams)
	w.serve(t)
	var err error
	w.Sidecar, err = plane.NewSidecar(t.Context(), plane.Config{Service: name, Instance: name, Datacenter: "dc1", Upstreams: upstreams,
		RunDir: w.dir, CAFile: env.CAFile, ConsulHTTP: env.ConsulHTTP, ConsulGRPC: env.ConsulGRPC, Log: w.log.Logger,
		Metrics: prometheus.NewRegistry()}, "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = w.stop() })
	w.waitReady(t, w.Ready)
	return w
}

// startNative starts a service that is its own data plane.
func startNative(t *testing.T, env *controlplanetest.Env, name string, upstreams ...string) *workload {
	t.Helper()
	return startAlone(t, env, name, "native", upstreams...)
}

func startAlone(t *testing.T, env *controlplanetest.Env, name, mode string, upstreams ...string) *workload {
	t.Helper()
	w := prepare(t, env, name, mode, upstreams)
	w.serve(t)
	w.stop = sync.OnceValue(w.mesh.Close)
	t.Cleanup(func() { _ = w.stop() })
	w.waitReady(t, w.mesh.Ready)
	return w
}

func (w *workload) waitReady(t *testing.T, ready func() error) {
	t.Helper()
	began := time.Now()
	require.Eventually(t, func() bool { return ready() == nil }, 10*time.Second, 5*time.Millisecond, "%s: %v", w.name, ready())
	t.Logf("%s ready after %v", w.name, time.Since(began))
}

func prepare(t *testing.T, env *controlplanetest.Env, name, mode string, upstreams []string) *workload {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") // short enough for sockets
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Symlink(env.JWTFile(name, "consul"), filepath.Join(dir, "consul.jwt")))
	w := &workload{log: meshtest.NewLog(), dir: dir, name: name}
	w.ill.Store("")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s: %v", name, w.log.All())
		}
	})
	w.mesh, err = mesh.Open(t.Context(), mesh.Config{Workload: name, Upstreams: upstreams, RunDir: dir, Mode: mode,
		CAFile: env.CAFile, ConsulHTTP: env.ConsulHTTP, ConsulGRPC: env.ConsulGRPC, Log: w.log.Logger,
		UnsafeLab: mode == "plaintext"})
	require.NoError(t, err)
	return w
}

// serve is the app: it answers with its caller's name, and has an admin socket.
func (w *workload) serve(t *testing.T) {
	ln, err := w.mesh.Listen()
	require.NoError(t, err)
	app := &http.Server{ConnContext: mesh.ConnContext, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		caller, _ := mesh.Caller(r.Context())
		fmt.Fprint(rw, caller.Service)
	})}
	adminListener, err := net.Listen("unix", filepath.Join(w.dir, "admin.sock"))
	require.NoError(t, err)
	admin := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		why := w.ill.Load().(string)
		if why == hangs {
			<-r.Context().Done()
		}
		if why != "" {
			rw.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(rw, `{"ok":false,"reasons":[%q]}`, why)
			return
		}
		io.WriteString(rw, `{"ok":true}`)
	})}
	go app.Serve(ln)
	go admin.Serve(adminListener)
	w.kill = func() { app.Close(); admin.Close() }
	t.Cleanup(w.kill)
}

// client returns an HTTP client of w's app for an upstream, which keeps its connection.
func (w *workload) client(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		upstream, _, _ := net.SplitHostPort(addr)
		return w.mesh.Dial(ctx, upstream)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// getSoon gives an upstream that has just started the time to show up healthy in the catalog.
func getSoon(t *testing.T, c *http.Client, upstream string) (string, error) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		got, err := get(c, upstream)
		if err == nil || time.Now().After(deadline) {
			return got, err
		}
	}
}

func get(c *http.Client, upstream string) (string, error) {
	resp, err := c.Get("http://" + upstream + "/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// operator is a Consul client that may change intentions and read and delete tokens.
func operator(t *testing.T, env *controlplanetest.Env) (consul *api.Client, hangUp func()) {
	t.Helper()
	pem, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(&api.Config{Address: env.ConsulHTTP, Scheme: "https", HttpClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	token, _, err := c.ACL().Login(&api.ACLLoginParams{AuthMethod: "workloads", BearerToken: env.JWT(t, "operator", "consul")}, nil)
	require.NoError(t, err)
	c.SetHeaders(http.Header{"X-Consul-Token": {token.SecretID}})
	return c, transport.CloseIdleConnections
}

func TestDeniedByIntention(t *testing.T) {
	env := controlplanetest.Start(t)
	payments := start(t, env, "payments")
	notification := start(t, env, "notification", "payments") // its topology doesn't give it that
	require.Eventually(t, func() bool {                       // as soon as the catalog has payments
		_, err := get(notification.client(t), "payments")
		require.Error(t, err)
		return len(payments.log.AllDenied()) > 0
	}, 5*time.Second, time.Millisecond)
	event := payments.log.Denied(t, "mesh.intention")
	require.Contains(t, event["caller"], "/svc/notification")
	require.Equal(t, "no intention allows it", event["reason"])
}

func TestRequestCrossesTheMesh(t *testing.T) {
	env := controlplanetest.Start(t)
	before := goleak.IgnoreCurrent()
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	client := ingestion.client(t)
	got, err := getSoon(t, client, "payments")
	require.NoError(t, err)
	require.Equal(t, "ingestion", got)
	require.NoError(t, payments.Degraded())

	consul, hangUp := operator(t, env)
	for _, w := range []*workload{ingestion, payments} {
		w.kill()
		require.NoError(t, w.stop())
		require.Empty(t, tokens(t, consul, w.name), "logged out")
	}
	client.CloseIdleConnections()
	hangUp()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("redoubt.example/infra/controlplane/controlplanetest.(*issuer).keep.func2"))
}

// tokens returns the accessors of a service's tokens.
func tokens(t *testing.T, consul *api.Client, service string) (accessors []string) {
	t.Helper()
	all, _, err := consul.ACL().TokenList(nil)
	require.NoError(t, err)
	for _, token := range all {
		for _, s := range token.ServiceIdentities {
			if s.ServiceName == service {
				accessors = append(accessors, token.AccessorID)
			}
		}
	}
	return accessors
}

// An app that is its own data plane and one with a sidecar talk to each other, both ways; the handler sees no difference.
func TestNativeModeInteroperates(t *testing.T) {
	env := controlplanetest.Start(t)
	native := startNative(t, env, "payments", "notification")
	beside := start(t, env, "ingestion", "payments")
	got, err := getSoon(t, beside.client(t), "payments")
	require.NoError(t, err)
	require.Equal(t, "ingestion", got)
	id, err := native.mesh.ID(t.Context())
	require.NoError(t, err)
	require.Equal(t, "payments", id.Service)

	start(t, env, "notification")
	_, err = get(native.client(t), "notification") // no intention allows it
	require.Error(t, err)
	_, err = native.mesh.Dial(t.Context(), "ingestion")
	require.EqualError(t, err, "payments has no upstream ingestion in topology.yaml")

	start(t, env, "modelstore")
	inference := startNative(t, env, "inference", "modelstore")
	got, err = getSoon(t, inference.client(t), "modelstore")
	require.NoError(t, err)
	require.Equal(t, "inference", got)
}

// The baseline passes on what callers say about themselves, whoever they are, and says so.
func TestPlaintextMode(t *testing.T) {
	env := controlplanetest.Start(t)
	before := goleak.IgnoreCurrent()
	payments, ingestion := startAlone(t, env, "payments", "plaintext"), startAlone(t, env, "ingestion", "plaintext", "payments")
	client := ingestion.client(t)
	got, err := getSoon(t, client, "payments")
	require.NoError(t, err)
	require.Equal(t, "ingestion", got)
	require.Contains(t, fmt.Sprint(payments.log.All()), "UNSAFE")
	for _, w := range []*workload{ingestion, payments} {
		client.CloseIdleConnections()
		w.kill()
		require.NoError(t, w.stop())
	}
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("redoubt.example/infra/controlplane/controlplanetest.(*issuer).keep.func2"))
}

func TestChangedIntentionClosesConnections(t *testing.T) {
	env := controlplanetest.Start(t)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	_, err := getSoon(t, ingestion.client(t), "payments")
	require.NoError(t, err)
	conn, err := ingestion.mesh.Dial(t.Context(), "payments")
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: payments\r\n\r\n")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)

	consul, _ := operator(t, env)
	entry, _, err := consul.ConfigEntries().Get(api.ServiceIntentions, "payments", nil)
	require.NoError(t, err)
	before := entry.(*api.ServiceIntentionsConfigEntry)
	denied := *before
	denied.Sources = nil
	for _, s := range before.Sources {
		source := *s
		if source.Name == "ingestion" {
			source.Action = api.IntentionActionDeny
		}
		denied.Sources = append(denied.Sources, &source)
	}
	_, _, err = consul.ConfigEntries().Set(&denied, nil)
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, conn.SetReadDeadline(began.Add(5*time.Second)))
	_, err = io.ReadAll(conn)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the open connection stays")
	require.Less(t, time.Since(began), time.Second)
	require.Equal(t, "an intention denies it", payments.log.Denied(t, "mesh.intention")["reason"])
	_, err = get(ingestion.client(t), "payments")
	require.Error(t, err)

	_, _, err = consul.ConfigEntries().Set(before, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := get(ingestion.client(t), "payments"); return err == nil }, time.Second, 10*time.Millisecond)
}

func TestUnhealthyAppGetsNoConnections(t *testing.T) {
	env := controlplanetest.Start(t)
	consul, _ := operator(t, env)
	payments := start(t, env, "payments")
	healthy := func(n int) func() bool {
		return func() bool {
			entries, _, err := consul.Health().Connect("payments", "", true, nil)
			return err == nil && len(entries) == n
		}
	}
	require.Eventually(t, healthy(1), 5*time.Second, 10*time.Millisecond)
	payments.ill.Store("out of sorts")
	require.Eventually(t, healthy(0), 5*time.Second, 10*time.Millisecond)
	checks, _, err := consul.Health().Checks("payments", nil)
	require.NoError(t, err)
	require.Contains(t, checks[0].Output, "out of sorts")
	payments.ill.Store("")
	require.Eventually(t, healthy(1), 5*time.Second, 10*time.Millisecond)
	require.NoError(t, payments.stop())
	require.Eventually(t, healthy(0), 5*time.Second, 10*time.Millisecond)
}

// Whoever loses its token logs in again and registers with the new one.
func TestLostTokenIsReplaced(t *testing.T) {
	env := controlplanetest.Start(t)
	consul, _ := operator(t, env)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	lost := tokens(t, consul, "payments")
	require.Len(t, lost, 1)
	_, err := consul.ACL().TokenDelete(lost[0], nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(tokens(t, consul, "payments")) == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { return payments.Degraded() == nil }, 10*time.Second, 5*time.Millisecond, "%v", payments.Degraded())
	got, err := getSoon(t, ingestion.client(t), "payments") // registered anew it is healthy in a moment
	require.NoError(t, err)
	require.Equal(t, "ingestion", got)
}

func TestConsulAway(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	kept := ingestion.client(t)
	_, err := getSoon(t, kept, "payments")
	require.NoError(t, err)
	env.Stop(t, "consul")
	require.Eventually(t, func() bool { return payments.Degraded() != nil && ingestion.Degraded() != nil }, 10*time.Second, 5*time.Millisecond)
	for _, client := range []*http.Client{kept, ingestion.client(t)} {
		got, err := get(client, "payments")
		require.NoError(t, err, "last known intentions, leaf and instances serve on")
		require.Equal(t, "ingestion", got)
	}
	require.NoError(t, payments.Ready())
	env.Restart(t, "consul")
	require.Eventually(t, func() bool { return payments.Degraded() == nil && ingestion.Degraded() == nil }, 20*time.Second, 10*time.Millisecond,
		"%v %v", payments.Degraded(), ingestion.Degraded())
	_, err = get(ingestion.client(t), "payments")
	require.NoError(t, err)
}
