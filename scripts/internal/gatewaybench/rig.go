package gatewaybench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
)

// startTimeout bounds each part's start.
const startTimeout = 30 * time.Second

// rig is everything that runs for a benchmark. It lives in a folder of its own and leaves nothing behind.
type rig struct {
	cfg       Config
	dir       string
	log       *os.File
	issuer    *issuer
	processes []*process.Process
	addresses []string // of the ways
	upstream  int      // its process
}

func newRig(ctx context.Context, cfg Config) (r *rig, err error) {
	dir, err := os.MkdirTemp("", "rdtg") // short: a socket's path ends at 107 bytes
	if err != nil {
		return nil, err
	}
	r = &rig{cfg: cfg, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(r.explain(err), r.close())
		}
	}()
	if r.log, err = os.Create(r.path("log")); err != nil {
		return r, err
	}
	if r.issuer, err = newIssuer(dir); err != nil {
		return r, err
	}
	text, err := os.ReadFile(cfg.Contract)
	if err != nil {
		return r, err
	}
	if err := errors.Join(os.WriteFile(r.path("openapi.yaml"), text, 0o600), os.WriteFile(r.path("deny"), denied(), 0o600)); err != nil {
		return r, err
	}
	up, err := r.start(ctx, process.Spec{Name: "upstream", Args: []string{"upstream", r.path("up.sock")}, Ready: listening("unix", r.path("up.sock"))})
	if err != nil {
		return r, err
	}
	r.upstream = up.PID()
	for _, way := range ways {
		address, err := r.way(ctx, way.mode)
		if err != nil {
			return r, err
		}
		r.addresses = append(r.addresses, address)
	}
	return r, nil
}

// denied is a list of networks as long as such lists are.
func denied() (text []byte) {
	for i := range 2000 {
		text = fmt.Appendf(text, "198.%d.%d.0/24\n", 18+i/256%2, i%256)
	}
	return text
}

// way starts one of edgetest's.
func (r *rig) way(ctx context.Context, mode string, more ...string) (address string, err error) {
	if address, err = freePort(); err != nil {
		return "", err
	}
	unsafe := []string{}
	if mode == "off" {
		unsafe = append(unsafe, "REDOUBT_UNSAFE_LAB=1")
	}
	_, err = r.start(ctx, process.Spec{Name: mode, Args: append([]string{mode, address, r.dir, r.path("up.sock")}, more...), Env: unsafe, Ready: r.answers(address)})
	return address, err
}

// answers: a request of each kind gets the answer that the upstream gives.
func (r *rig) answers(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, k := range r.kinds() {
			if err := r.target(mark, address, k).Check(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

const mark = "ready"

func (r *rig) start(ctx context.Context, spec process.Spec) (*process.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	spec.Path = r.program("edgetest")
	p, err := process.Start(ctx, spec, r.log)
	if err != nil {
		return nil, err
	}
	r.processes = append(r.processes, p)
	return p, process.WaitReady(ctx, spec, p)
}

func (r *rig) program(name string) string { return filepath.Join(r.cfg.Bin, name) }

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// targets are the ways for one kind of request.
func (r *rig) targets(k kind) []bench.Target {
	targets := make([]bench.Target, len(ways))
	for i, way := range ways {
		targets[i] = r.target(way.name, r.addresses[i], k)
	}
	return targets
}

// explain adds the end of what the processes said.
func (r *rig) explain(err error) error {
	if r.log == nil {
		return err
	}
	text, readErr := os.ReadFile(r.log.Name())
	if readErr != nil || len(text) == 0 {
		return err
	}
	return fmt.Errorf("%w (last words: %s)", err, text[max(0, len(text)-600):])
}

// close stops what was started, the last first.
func (r *rig) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var errs []error
	for i := len(r.processes) - 1; i >= 0; i-- {
		errs = append(errs, r.processes[i].Stop(ctx))
	}
	if r.issuer != nil {
		errs = append(errs, r.issuer.server.Close())
	}
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

// freePort finds one for a program that can't choose by itself.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return "127.0.0.1:" + strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

func listening(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
