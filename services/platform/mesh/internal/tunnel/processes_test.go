package tunnel_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// half is half of a sidecar in a process of its own: this program, started with what to do on its standard input, until that ends.
type half struct {
	Service         string
	Leaf, Key, Root []byte // DER
	App             string // inbound: the app's socket
	Socket, Peer    string // outbound: where the app connects, and the upstream's address
}

const asHalf = "TUNNEL_TEST_HALF"

func TestMain(m *testing.M) {
	if os.Getenv(asHalf) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := runHalf(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runHalf() error {
	var h half
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&h); err != nil {
		return err
	}
	store, err := h.identity()
	if err != nil {
		return err
	}
	log, metrics := slog.New(slog.DiscardHandler), tunnel.NewMetrics(prometheus.NewRegistry())
	streams, ctx := tunnel.NewStreams(log, metrics), context.Background()
	if h.App != "" {
		ln, err := tunnel.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := tunnel.NewServer(store, func(spiffe.ID) error { return nil }, log, metrics)
		go (&tunnel.Inbound{Server: server, Streams: streams, AppSocket: h.App, Log: log}).Serve(ctx, ln)
		fmt.Println(ln.Addr())
	} else {
		ln, err := unixsock.Listen(h.Socket)
		if err != nil {
			return err
		}
		instances := func(string) ([]string, []string, bool, <-chan struct{}) { return []string{h.Peer}, nil, true, nil }
		client := tunnel.NewClient(store, instances, log, metrics)
		go client.Run(ctx)
		go (&tunnel.Outbound{Client: client, Streams: streams, Upstream: "payments", Log: log}).Serve(ctx, ln)
		fmt.Println(ln.Addr())
	}
	_ = in.Decode(&h) // until the parent ends
	return nil
}

func (h *half) identity() (*identity.Store, error) {
	key, err := x509.ParsePKCS8PrivateKey(h.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(h.Leaf)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(h.Root)
	if err != nil {
		return nil, err
	}
	id := &identity.Identity{ID: meshtest.ID(h.Service), Roots: x509.NewCertPool(),
		Leaf: tls.Certificate{Certificate: [][]byte{h.Leaf}, PrivateKey: key, Leaf: leaf}}
	id.Roots.AddCert(root)
	store := &identity.Store{}
	store.Set(id)
	return store, nil
}

// start starts a half and returns its process and its address.
func (h half) start(b *testing.B, ca *meshtest.CA) (pid int, address string) {
	b.Helper()
	leaf := ca.Leaf(b, h.Service)
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	require.NoError(b, err)
	h.Leaf, h.Key, h.Root = leaf.Certificate[0], key, ca.Root()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asHalf+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	require.NoError(b, json.NewEncoder(in).Encode(h))
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return cmd.Process.Pid, strings.TrimSpace(line)
}

// BenchmarkProcesses is BenchmarkRequest's sidecar with its halves in processes of their own, which are woken for each
// request as they are in a lab. What counts is the processor time that one of them takes for it: what else the
// machine does disturbs that less than the time that passes.
func BenchmarkProcesses(b *testing.B) {
	app, up := filepath.Join(b.TempDir(), "app.sock"), filepath.Join(b.TempDir(), "up.sock")
	p := &place{}
	var err error
	p.app, err = unixsock.Listen(app)
	require.NoError(b, err)
	go p.runApp(p.app, pong)
	defer p.app.Close()
	ca := meshtest.NewCA(b)
	callee, address := half{Service: "payments", App: app}.start(b, ca)
	caller, _ := half{Service: "gateway", Socket: up, Peer: address}.start(b, ca)
	c, err := net.Dial("unix", up)
	require.NoError(b, err)
	defer c.Close()
	request, answer := make([]byte, 200), make([]byte, 400)
	send := func() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
	}
	send()
	before := ranFor(b, caller, callee)
	for b.Loop() {
		send()
	}
	b.ReportMetric(float64(ranFor(b, caller, callee)-before)/float64(2*b.N)/1000, "cpu-us/proxy")
}

// ranFor is the processor time of processes, to the nanosecond (/proc/<pid>/task/<tid>/schedstat).
func ranFor(b *testing.B, pids ...int) (total time.Duration) {
	b.Helper()
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		require.NoError(b, err)
		for _, task := range tasks {
			raw, err := os.ReadFile(task)
			require.NoError(b, err)
			n, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
			require.NoError(b, err)
			total += time.Duration(n)
		}
	}
	return total
}
