package mesh_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, upstreams ...string) (*mesh.Mesh, *meshtest.Log, string) {
	t.Helper()
	log, dir := meshtest.NewLog(), t.TempDir()
	m, err := mesh.Open(t.Context(), mesh.Config{Workload: "payments", Upstreams: upstreams, RunDir: dir, Mode: "sidecar", Log: log.Logger})
	require.NoError(t, err)
	return m, log, dir
}

func header(t *testing.T, service string) []byte {
	t.Helper()
	from, to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}
	raw, err := handover.Header(meshtest.ID(service), from, to)
	require.NoError(t, err)
	return raw
}

func TestOpenRefusesModes(t *testing.T) {
	for mode, says := range map[string]string{"": "unknown", "Sidecar": "unknown", "plaintext": "REDOUBT_UNSAFE_LAB=1"} {
		_, err := mesh.Open(t.Context(), mesh.Config{Workload: "payments", RunDir: t.TempDir(), Mode: mode})
		require.ErrorContains(t, err, says)
	}
}

func TestListenerRefusesConnectionsWithoutCaller(t *testing.T) {
	m, log, dir := open(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	defer ln.Close()
	for name, sent := range map[string]string{
		"plain HTTP": "GET / HTTP/1.1\r\nHost: payments\r\nX-Forwarded-Client-Cert: URI=" + meshtest.ID("gateway").String() + "\r\n\r\n",
		"PROXY v1":   "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("unix", filepath.Join(dir, "app.sock"))
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, sent)
			require.NoError(t, err)
			event := log.Denied(t, controls.MeshPeerCred)
			require.Equal(t, "no PROXY v2 header", event["reason"])
			require.Equal(t, fmt.Sprintf("pid %d uid %d", os.Getpid(), os.Getuid()), event["peer"])
			_, err = c.Read(make([]byte, 1))
			require.Error(t, err)
		})
	}
}

// The file's mode already keeps others out; this is the second lock, for when the first is picked.
func TestListenerRefusesAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("connecting as another user needs root: run the tests as root")
	}
	m, log, dir := open(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	defer ln.Close()
	socket := filepath.Join(dir, "app.sock")
	meshtest.LetAll(t, socket)
	require.NoError(t, meshtest.ConnectAs(65534, socket, header(t, "gateway")))
	event := log.Denied(t, controls.MeshPeerCred)
	require.Equal(t, "the other end is a process of another user", event["reason"])
	require.Contains(t, event["peer"], "uid 65534")
}

func TestCallerOverHTTP(t *testing.T) {
	m, _, dir := open(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	server := &http.Server{ConnContext: mesh.ConnContext, Handler: mesh.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := mesh.Caller(r.Context())
		fmt.Fprint(w, id.Service, " ", strconv.FormatBool(ok), " ", r.RemoteAddr)
	}))}
	go server.Serve(ln)
	defer server.Close()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := net.Dial("unix", filepath.Join(dir, "app.sock"))
		if err == nil {
			_, err = c.Write(header(t, "ingestion"))
		}
		return c, err
	}}}
	req, err := http.NewRequest(http.MethodGet, "http://payments/", nil)
	require.NoError(t, err)
	req.Header.Set("X-Forwarded-Client-Cert", xfccOf("gateway")) // says nothing where no Envoy writes it
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	require.Equal(t, "ingestion true 127.0.0.1:4711", string(body))
}

func TestNoCallerOutsideTheMesh(t *testing.T) {
	_, ok := mesh.Caller(t.Context())
	require.False(t, ok)
	_, _, err := mesh.ServerCredentials().ServerHandshake(&unixsock.Conn{})
	require.Error(t, err)
}

func TestCallerOverGRPC(t *testing.T) {
	m, _, dir := open(t)
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
	// The client stands for the sidecar here.
	conn, err := grpc.NewClient("passthrough:///payments", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			c, err := net.Dial("unix", filepath.Join(dir, "app.sock"))
			if err == nil {
				_, err = c.Write(header(t, "ingestion"))
			}
			return c, err
		}))
	require.NoError(t, err)
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("ingestion"), <-callers)
}

func TestDialRefusesWhatTheTopologyLacks(t *testing.T) {
	m, _, _ := open(t, "notification")
	_, err := m.Dial(t.Context(), "modelstore")
	require.EqualError(t, err, "payments has no upstream modelstore in topology.yaml")
	_, err = m.Dial(t.Context(), "notification")
	require.ErrorContains(t, err, "up-notification.sock", "the sidecar isn't there")
}

// A sidecar that was killed is back in a moment; until then its socket refuses.
func TestDialWaitsForTheSidecar(t *testing.T) {
	m, _, dir := open(t, "modelstore")
	socket := filepath.Join(dir, "up-modelstore.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	back := make(chan *unixsock.Listener, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		ln, err := unixsock.Listen(socket)
		if err != nil {
			t.Error(err)
		}
		back <- ln
	})
	c, err := m.Dial(t.Context(), "modelstore")
	require.NoError(t, (<-back).Close())
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

func TestReadySaysWhyNot(t *testing.T) {
	m, _, _ := open(t)
	require.ErrorContains(t, m.Ready(), "the sidecar doesn't answer")
}

// A listener that closes takes those along that are still being checked.
func TestListenerClose(t *testing.T) {
	m, log, dir := open(t)
	ln, err := m.Listen()
	require.NoError(t, err)
	c, err := net.Dial("unix", filepath.Join(dir, "app.sock"))
	require.NoError(t, err)
	defer c.Close()
	began := time.Now()
	require.NoError(t, ln.Close())
	require.Less(t, time.Since(began), time.Second)
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.Empty(t, log.AllDenied())
}
