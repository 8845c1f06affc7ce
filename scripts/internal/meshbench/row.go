package meshbench

import (
	"context"
	"fmt"
	"net"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench/rawtcp"
)

// row is one way from a client to the app.
type row struct {
	target  bench.Target
	started []*process.Process // what runs between them
	proxies [][]int            // each proxy's processes

	full         *bench.Target // the same way without resuming sessions, where there is one
	neverResumes bool          // the way itself is that

	// mTLS is the port for peers, and the caller who may connect there; "" in plaintext.
	mTLS, caller string
}

// Names are the rows in the order of the table.
var Names = []string{plaintext, "native", "sidecar", "haproxy", "nginx", "consul-proxy"}

// plaintext is what the others are compared with.
const plaintext = "plaintext"

// plaintextRaw is a way of chains alone.
const plaintextRaw = "plaintext-raw"

// missingError says what would have to be installed for a row.
type missingError struct{ command string }

func (e *missingError) Error() string { return "not installed; " + e.command }

func (r *rig) build(ctx context.Context, name string) (row, error) {
	builders := map[string]func(context.Context) (row, error){
		plaintext: r.plaintext, plaintextRaw: r.plaintextRaw, "native": r.native, "sidecar": r.sidecar, "haproxy": r.haproxy, "nginx": r.nginx, "consul-proxy": r.consulProxy,
	}
	built, err := builders[name](ctx)
	if err != nil {
		return row{}, fmt.Errorf("set up %s: %w", name, err)
	}
	built.target.Name = name
	if err := r.answers(ctx, built.target); err != nil {
		return row{}, err
	}
	for _, p := range built.started { // now that a request has passed: a worker may start after its master listens
		all := family(p)
		built.proxies = append(built.proxies, all)
		built.target.Processes = append(built.target.Processes, all...)
	}
	return built, nil
}

// answers waits until a row carries a request.
func (r *rig) answers(ctx context.Context, t bench.Target) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := t.Check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return r.explain(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// app starts the echo that has no part in the mesh, once, and returns its TCP address and its socket.
func (r *rig) app(ctx context.Context) (address, socket string, err error) {
	if r.appAddress != "" {
		return r.appAddress, r.path("echo.sock"), nil
	}
	if address, err = freePort(); err != nil {
		return "", "", err
	}
	socket = r.path("echo.sock")
	args := []string{"plain", address, socket}
	if r.chained {
		args[0] = "chain"
	}
	p, err := r.start(ctx, process.Spec{
		Name: "echo", Path: r.program("echo"), Args: args, Ready: listening("unix", socket),
	})
	if err == nil {
		r.appAddress, r.appProcess = address, p.PID()
	}
	return address, socket, err
}

// plaintext is what a service without a mesh would have: the client connects to the app over loopback TCP.
func (r *rig) plaintext(ctx context.Context) (row, error) {
	address, _, err := r.app(ctx)
	if err != nil {
		return row{}, err
	}
	return row{target: bench.Target{Dial: dialer("tcp", address), Processes: []int{r.appProcess}}}, nil
}

// plaintextRaw is the same in a process of its own, by system calls as the mesh makes them.
func (r *rig) plaintextRaw(ctx context.Context) (row, error) {
	address, err := freePort()
	if err != nil {
		return row{}, err
	}
	p, err := r.start(ctx, process.Spec{Name: "echo.raw", Path: r.program("echo"), Args: []string{"raw", address}, Ready: listening("tcp", address)})
	if err != nil {
		return row{}, err
	}
	dial := func(ctx context.Context) (net.Conn, error) { return rawtcp.Dial(ctx, address) }
	return row{target: bench.Target{Dial: dial, Processes: []int{p.PID()}}}, nil
}

func dialer(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, address) }
}

// listening is a readiness check: somebody accepts.
func listening(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := dialer(network, address)(ctx)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
