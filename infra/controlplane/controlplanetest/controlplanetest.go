// Package controlplanetest gives tests a running control plane: the real Vault, Consul and PostgreSQL, configured
// as in the lab, in a temporary folder. Where a binary is missing the test is skipped, saying what to install.
package controlplanetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
)

// startTimeout is generous: continuous integration shares its processors.
const startTimeout = 90 * time.Second

// Env is one running control plane.
type Env struct {
	*controlplane.Plane
	Dir      string // the runtime folder
	Topology *topology.Topology

	issuer *issuer
	jwts   string
	runner *runner
}

var shared struct {
	sync.Mutex
	wanted bool // Main will close it
	env    *Env
}

// Main runs a package's tests on one control plane, which Start starts when first asked:
//
//	func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }
func Main(m *testing.M) int {
	shared.wanted = true
	code := m.Run()
	if shared.env != nil {
		shared.env.close()
	}
	return code
}

// Start returns the package's control plane when there is a Main, and otherwise one for this test.
func Start(t testing.TB) *Env {
	t.Helper()
	if !shared.wanted {
		return StartOwn(t, 0)
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.env == nil {
		shared.env = start(t, 0)
	}
	return shared.env
}

// StartOwn starts a control plane for one test, stopped at its end: for tests that stop a server, or that want
// leases of another length (0: the usual one).
func StartOwn(t testing.TB, leaseTTL time.Duration) *Env {
	t.Helper()
	env := start(t, leaseTTL)
	t.Cleanup(env.close)
	return env
}

func start(t testing.TB, leaseTTL time.Duration) *Env {
	t.Helper()
	tools := findTools(t)
	// Not t.TempDir: its path is too long for a socket's, and PostgreSQL's own user couldn't enter it.
	dir, err := os.MkdirTemp("", "rdt")
	if err != nil {
		t.Fatal(err)
	}
	env, err := newEnv(dir, tools, leaseTTL)
	if err != nil {
		os.RemoveAll(dir)
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := env.runner.start(ctx, env.Specs()); err != nil {
		log := env.runner.log.String()
		env.close()
		t.Fatalf("start the control plane: %v\n%s", err, log)
	}
	return env
}

func newEnv(dir string, tools tools, leaseTTL time.Duration) (*Env, error) {
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	issuer, err := newIssuer()
	if err != nil {
		return nil, err
	}
	owner, err := owners()
	if err != nil {
		return nil, err
	}
	plane, err := controlplane.New(controlplane.Config{
		Dir: dir, Consul: tools.consul, Vault: tools.vault, PostgresBin: tools.postgres, Topology: top,
		AttestKeyPEM: issuer.public, IssueJWT: issuer.Token, LeaseTTL: leaseTTL, Owner: owner,
	})
	if err != nil {
		return nil, err
	}
	env := &Env{Plane: plane, Dir: dir, Topology: top, issuer: issuer, jwts: filepath.Join(dir, "jwt"), runner: newRunner()}
	if err := os.Mkdir(env.jwts, 0o700); err != nil {
		return nil, err
	}
	// Consul reads its document when it starts and when it has lost its token; a test is over before it expires,
	// but a long one rewrites it.
	return env, issuer.keep(env.runner.life, filepath.Join(dir, "consul", "vault.jwt"), "consul", "vault")
}

func (e *Env) close() {
	e.runner.stop()
	os.RemoveAll(e.Dir)
}

// JWT issues a document, as the supervisor does: two minutes of life.
func (e *Env) JWT(t testing.TB, subject, audience string) string {
	t.Helper()
	token, err := e.issuer.Token(subject, audience)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// JWTFile is a file with such a document, kept fresh until the control plane is stopped.
func (e *Env) JWTFile(subject, audience string) string {
	path := filepath.Join(e.jwts, subject+"."+audience)
	if err := e.issuer.keep(e.runner.life, path, subject, audience); err != nil {
		panic(fmt.Sprintf("write a document for a test: %v", err))
	}
	return path
}

// Stop stops a server; Restart starts it again and waits until it is ready.
func (e *Env) Stop(t testing.TB, component string) {
	t.Helper()
	if err := e.runner.stopOne(component); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a stopped server, which keeps its data and its address.
func (e *Env) Restart(t testing.TB, component string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, spec := range e.Specs() {
		if spec.Name == component {
			if err := e.runner.startOne(ctx, spec); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no component %q", component)
}

// Process is a running server, for tests that pause it or measure it.
func (e *Env) Process(component string) *process.Process { return e.runner.get(component) }

// Took tells how long each component took, from the beginning of all to its readiness.
func (e *Env) Took() map[string]time.Duration { return e.runner.times() }

// Port is the port of an address such as PostgresAddr.
func Port(addr string) (uint16, error) {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return uint16(port), err
}
