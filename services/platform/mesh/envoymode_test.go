package mesh_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/mesh/internal/meshtest"
)

// xfccOf is what Envoy writes for a caller.
func xfccOf(caller string) string {
	return "By=" + meshtest.ID("payments").String() + `;Hash=61ad;Cert="-----BEGIN%20CERTIFICATE-----";Subject="";URI=` + meshtest.ID(caller).String()
}

func openEnvoy(t *testing.T) (*mesh.Mesh, *meshtest.Log, string) {
	t.Helper()
	log, dir := meshtest.NewLog(), t.TempDir()
	m, err := mesh.Open(t.Context(), mesh.Config{Workload: "payments", Upstreams: []string{"notification"}, RunDir: dir, Mode: "envoy", Log: log.Logger})
	require.NoError(t, err)
	return m, log, dir
}

func to(dir, socket string) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", filepath.Join(dir, socket))
	}
}

// One connection of Envoy's carries the requests of several callers; each is its own, and a forged one nobody's.
func TestEnvoyCallerOverHTTP(t *testing.T) {
	m, log, dir := openEnvoy(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	server := &http.Server{ConnContext: mesh.ConnContext, Handler: mesh.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := mesh.Caller(r.Context())
		fmt.Fprint(w, id.Service, ok)
	}))}
	go server.Serve(ln)
	defer server.Close()
	transport := &http.Transport{DialContext: to(dir, "app.sock"), MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	ask := func(header ...string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://payments/", nil)
		require.NoError(t, err)
		req.Header["X-Forwarded-Client-Cert"] = header
		resp, err := (&http.Client{Transport: transport}).Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(body)
	}
	for _, forged := range [][]string{nil, {"URI=" + meshtest.ID("gateway").String()}, {xfccOf("gateway") + "," + xfccOf("notification")}, {xfccOf("gateway"), xfccOf("gateway")}} {
		require.Equal(t, "false", ask(forged...), "%q", forged)
		require.Contains(t, log.Denied(t, controls.MeshSPIFFE)["reason"], "XFCC")
	}
	require.Equal(t, "gatewaytrue", ask(xfccOf("gateway")))
	require.Equal(t, "ingestiontrue", ask(xfccOf("ingestion")))
}

func TestEnvoyCallerOverGRPC(t *testing.T) {
	m, log, dir := openEnvoy(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	callers := make(chan mesh.ID, 1)
	server := grpc.NewServer(grpc.Creds(mesh.ServerCredentials()), grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			id, _ := mesh.Caller(ctx)
			callers <- id
			return next(ctx, req)
		}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(ln)
	defer server.Stop()
	conn, err := grpc.NewClient("passthrough:///payments", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return to(dir, "app.sock")(ctx, "", "") }))
	require.NoError(t, err)
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(metadata.AppendToOutgoingContext(t.Context(), "x-forwarded-client-cert", xfccOf("ingestion")), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("ingestion"), <-callers)
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	require.Zero(t, <-callers)
	require.Contains(t, log.Denied(t, controls.MeshSPIFFE)["reason"], "0 XFCC headers")
}

// Only our own Envoy is believed; behind a sidecar of ours the header means nothing.
func TestXFCCOfOthersIsNotBelieved(t *testing.T) {
	t.Run("another user's process", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("connecting as another user needs root: run the tests as root")
		}
		m, log, dir := openEnvoy(t)
		ln, err := m.Listen()
		require.NoError(t, err)
		defer ln.Close()
		meshtest.LetAll(t, filepath.Join(dir, "app.sock"))
		require.NoError(t, meshtest.ConnectAs(65534, filepath.Join(dir, "app.sock"), []byte("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: "+xfccOf("gateway")+"\r\n\r\n")))
		require.Equal(t, "the other end is a process of another user", log.Denied(t, controls.MeshPeerCred)["reason"])
	})
	t.Run("mode sidecar", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://payments/", nil)
		require.NoError(t, err)
		r.Header.Set("X-Forwarded-Client-Cert", xfccOf("gateway"))
		mesh.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, ok := mesh.Caller(r.Context())
			require.False(t, ok)
		})).ServeHTTP(nil, r)
	})
}

// A stand-in for Envoy's admin interface.
func TestEnvoyReady(t *testing.T) {
	m, _, dir := openEnvoy(t)
	require.ErrorContains(t, m.Ready(), "envoy doesn't answer")
	ln, err := net.Listen("unix", filepath.Join(dir, "envoy.sock"))
	require.NoError(t, err)
	var status atomic.Int64
	var service atomic.Value
	status.Store(http.StatusServiceUnavailable)
	service.Store("notification")
	admin := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(status.Load()))
		if r.URL.Path == "/certs" {
			fmt.Fprintf(w, `{"certificates":[{"ca_cert":[],"cert_chain":[{"path":"<inline>","subject_alt_names":[{"uri":%q}]}]}]}`, meshtest.ID(service.Load().(string)).String())
		}
	})}
	go admin.Serve(ln)
	defer admin.Close()
	require.ErrorContains(t, m.Ready(), "isn't ready")
	status.Store(http.StatusOK)
	require.ErrorContains(t, m.Ready(), "no certificate yet", "another service's")
	service.Store("payments")
	require.NoError(t, m.Ready())
	id, err := m.ID(t.Context())
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("payments"), id)
	_, err = m.Dial(t.Context(), "modelstore")
	require.EqualError(t, err, "payments has no upstream modelstore in topology.yaml")
}
