package meshbench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/procfs"
	"redoubt.example/services/platform/attest"
)

// rig is everything that runs for a benchmark: Vault and Consul, the app, and each row's proxies. It lives in a
// folder of its own and leaves nothing behind.
type rig struct {
	cfg       Config
	dir       string
	plane     *controlplane.Plane
	topology  *topology.Topology
	issuer    *attest.Issuer
	life      context.Context // of the identity documents
	end       context.CancelFunc
	log       *os.File
	processes []*process.Process
	closers   []func() error

	chained    bool // apps hand requests on to themselves, through their way
	appAddress string
	appProcess int
}

// startTimeout bounds each part's start.
const startTimeout = 30 * time.Second

func newRig(ctx context.Context, cfg Config) (r *rig, err error) {
	dir, err := os.MkdirTemp("", "rdtb") // short: a socket's path ends at 107 bytes
	if err != nil {
		return nil, err
	}
	r = &rig{cfg: cfg, dir: dir}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(r.explain(err), r.close())
		}
	}()
	if r.log, err = os.Create(r.path("log")); err != nil {
		return r, err
	}
	if r.topology, err = topology.Load(); err != nil {
		return r, err
	}
	if r.issuer, err = attest.NewIssuer(); err != nil {
		return r, err
	}
	return r, r.startPlane(ctx)
}

// startPlane starts Vault and Consul alone: the mesh needs no database.
func (r *rig) startPlane(ctx context.Context) (err error) {
	r.plane, err = controlplane.New(controlplane.Config{
		Dir: r.dir, Consul: r.cfg.Consul, Vault: r.cfg.Vault, PostgresBin: os.DevNull, Topology: r.topology,
		AttestKeyPEM: r.issuer.PublicKeyPEM(), IssueJWT: r.issuer.Token,
	})
	if err != nil {
		return err
	}
	if err := r.document(controlplane.Consul, attest.AudienceVault); err != nil {
		return err
	}
	specs := map[string]process.Spec{}
	for _, spec := range r.plane.Specs() {
		specs[spec.Name] = spec
	}
	for _, name := range []string{controlplane.Vault, controlplane.Consul} {
		if _, err := r.start(ctx, specs[name]); err != nil {
			return err
		}
	}
	return nil
}

// start starts one process and returns when it is ready.
func (r *rig) start(ctx context.Context, spec process.Spec) (*process.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := process.Start(ctx, spec, r.log)
	if err != nil {
		return nil, err
	}
	r.processes = append(r.processes, p)
	return p, process.WaitReady(ctx, spec, p)
}

// document keeps an identity document of a workload's in its folder.
func (r *rig) document(subject, audience string) error {
	if err := os.MkdirAll(r.path(subject), 0o700); err != nil {
		return err
	}
	return r.issuer.Keep(r.life, attest.File{Path: r.path(subject, audience+".jwt"), Subject: subject, Audience: audience})
}

func (r *rig) path(elem ...string) string {
	return filepath.Join(append([]string{r.dir}, elem...)...)
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
	for _, closer := range r.closers {
		errs = append(errs, closer())
	}
	for i := len(r.processes) - 1; i >= 0; i-- {
		errs = append(errs, r.processes[i].Stop(ctx))
	}
	r.end()
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

// alive fails when a process has ended: its row would be measured on another one, or not at all.
func (r *rig) alive() error {
	for _, p := range r.processes {
		select {
		case <-p.Done():
			return r.explain(fmt.Errorf("process %d ended while it was measured: %w", p.PID(), errors.Join(errEnded, p.Wait())))
		default:
		}
	}
	return nil
}

var errEnded = errors.New("it shouldn't have")

// family is a process and its children, as a master has workers.
func family(p *process.Process) []int { return descend(p.PID(), procfs.Tree()) }

func descend(pid int, tree map[int][]int) []int {
	all := []int{pid}
	for _, child := range tree[pid] {
		all = append(all, descend(child, tree)...)
	}
	return all
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

// workloadEnv is a workload's whole environment, as the lab gives it.
func (r *rig) workloadEnv(name, mode string) []string {
	return []string{
		"REDOUBT_WORKLOAD=" + name, "REDOUBT_RUN_DIR=" + r.path(name), "REDOUBT_MODE=" + mode, "REDOUBT_LOG_LEVEL=warn",
		"REDOUBT_CA_FILE=" + r.plane.CAFile, "REDOUBT_CONSUL_HTTP=" + r.plane.ConsulHTTP,
		"REDOUBT_CONSUL_GRPC=" + r.plane.ConsulGRPC, "REDOUBT_VAULT_ADDR=" + r.plane.VaultAddr,
	}
}
