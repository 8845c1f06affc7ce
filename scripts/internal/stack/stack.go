// Package stack says what a lab consists of: which processes, with which environment, as which users, waiting for
// what. Running them is the supervisor's.
package stack

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/places"
	"redoubt.example/scripts/internal/supervisor"
	"redoubt.example/scripts/internal/tools"
	"redoubt.example/services/platform/attest"
)

const (
	gateway       = "gateway"
	modelstore    = "modelstore"
	sentinel      = "sentinel"
	sidecarSuffix = ".sidecar"
	placesFile    = "places.mmdb" // in which country the gateway's clients are
)

// Config is what one lab is made of.
type Config struct {
	RunDir   string
	Mode     string
	Profile  string         // whose controls are on; "" is layered
	Replicas map[string]int // of services that have more than one
	Gateway  net.Listener   // holds the gateway's port until the gateway starts
	LeaseTTL time.Duration  // of database credentials; the control plane's default when 0
	NoSync   bool           // the databases needn't outlive a power failure
	Tools    tools.Set
	Log      *slog.Logger
}

// Stack is one lab's processes and what joins them.
type Stack struct {
	GatewayURL string
	CAFile     string
	Users      Users

	cfg      Config
	topology *topology.Topology
	plane    *controlplane.Plane
	keeper   *keeper
	// withhold takes an instance's identity documents away and keeps it without; restore gives it some again.
	withhold, restore func(instance string) error
	listen            string
	edgeName          string              // what the gateway's certificate is checked for; the URL's host when ""
	envoy             string              // in mode envoy: the program
	volumes           string              // of a platform in containers: holds the components' own folders; "": the runtime folder does
	settings          map[string][]string // by instance: what the environment says to its process alone

	instances, jobs []instance

	vaultWritten chan struct{} // see noteVault
}

// New makes the workloads' folders, the lab's CA and the servers' configuration. Nothing is started.
func New(cfg Config) (*Stack, error) {
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	told, err := readSettings(os.Environ(), top)
	if err != nil {
		return nil, err
	}
	envoy := ""
	if cfg.Mode == ModeEnvoy {
		if envoy, err = EnvoyProgram(); err != nil {
			return nil, err
		}
	}
	instances, jobs := serviceInstances(top, cfg.Replicas), jobInstances(top)
	users, err := assignUsers(instances, jobs)
	if err != nil {
		return nil, err
	}
	issuer, err := attest.NewIssuer()
	if err != nil {
		return nil, err
	}
	issuer.Log = cfg.Log
	plane, err := controlplane.New(controlplane.Config{
		Dir: cfg.RunDir, Consul: cfg.Tools.Consul, Vault: cfg.Tools.Vault, PostgresBin: cfg.Tools.Postgres,
		Topology: top, AttestKeyPEM: issuer.PublicKeyPEM(), IssueJWT: issuer.Token, LeaseTTL: cfg.LeaseTTL, NoSync: cfg.NoSync, Owner: users.Of,
	})
	if err != nil {
		return nil, err
	}
	listen := cfg.Gateway.Addr().String()
	documents := newKeeper(issuer)
	s := &Stack{
		GatewayURL: "https://" + listen, CAFile: plane.CAFile, Users: users,
		cfg: cfg, topology: top, plane: plane, keeper: documents, withhold: documents.ban, restore: documents.unban, listen: listen, envoy: envoy,
		settings: map[string][]string{}, instances: instances, jobs: jobs, vaultWritten: make(chan struct{}, 1),
	}
	for _, w := range slices.Concat(instances, jobs) {
		if err := s.makeFolder(w.name); err != nil {
			return nil, err
		}
		uid, gid := users.Of(w.name)
		if s.settings[w.name], err = told.env(w.identity, s.folder(w.name), uid, gid); err != nil {
			return nil, err
		}
	}
	s.keepDocuments()
	return s, places.Write(s.folder(placesFile))
}

// Specs are all processes of the lab.
func (s *Stack) Specs() []process.Spec {
	specs := append(s.plane.Specs(), s.publishStep(), s.weaken())
	for _, job := range s.jobs {
		specs = append(specs, s.job(job))
	}
	for _, w := range s.instances {
		specs = append(specs, s.app(w))
		if hasSidecars(s.cfg.Mode) {
			specs = append(specs, s.sidecar(w))
		}
	}
	return append(specs, s.catalogStep(), s.seedStep())
}

// Hooks keep each workload's identity documents for as long as it is meant to run.
func (s *Stack) Hooks() supervisor.Hooks {
	return supervisor.Hooks{Wanted: s.keeper.want, Unwanted: s.keeper.unwant, Ended: s.ended}
}

// AccessToken is a demo user's, as package controlplane describes it.
func (s *Stack) AccessToken(ctx context.Context, user string, scopes []string) (string, error) {
	return s.plane.AccessToken(ctx, user, scopes)
}

// BoundToken is AccessToken, bound to a key by its thumbprint; "": to none.
func (s *Stack) BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) {
	return s.plane.BoundToken(ctx, user, scopes, key)
}

// OperatorDocument is the operator's identity document for a server, as workloads have theirs.
func (s *Stack) OperatorDocument(server string) (string, error) {
	return s.keeper.issuer.Token("operator", server)
}

// CheckUser tells whether a demo user may ask for these scopes; the error is fit for the person who asked.
func (s *Stack) CheckUser(user string, scopes []string) error {
	return CheckUser(s.topology, user, scopes)
}

// CheckUser is Stack.CheckUser for any topology.
func CheckUser(top *topology.Topology, user string, scopes []string) error {
	allowed, ok := top.Users[user]
	if !ok {
		names := make([]string, 0, len(top.Users))
		for name := range top.Users {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Errorf("there is no demo user %q: it is one of %s", user, strings.Join(names, ", "))
	}
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return fmt.Errorf("%s may not have the scope %q: only %s", user, scope, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// Address is where a component is reached: host:port, a URL or a unix socket; "" for one that nobody calls.
func (s *Stack) Address(component string) string {
	switch component {
	case controlplane.Vault:
		return s.plane.VaultAddr
	case controlplane.Consul:
		return "https://" + s.plane.ConsulHTTP
	case controlplane.Postgres:
		return s.plane.PostgresAddr
	case gateway:
		return s.GatewayURL
	}
	name, isSidecar := strings.CutSuffix(component, sidecarSuffix)
	switch {
	case !slices.ContainsFunc(s.instances, func(w instance) bool { return w.name == name }):
		return ""
	case isSidecar:
		return "unix:" + s.folder(name, "sidecar.sock")
	case !hasSidecars(s.cfg.Mode): // its port is in Consul's catalog
		return "unix:" + s.folder(name, "admin.sock")
	default:
		return "unix:" + s.folder(name, "app.sock")
	}
}

// RunDir is the lab's runtime folder.
func (s *Stack) RunDir() string { return s.cfg.RunDir }

// Sentinel is sentinel's admin socket: of a platform in containers, as the operator sees it.
func (s *Stack) Sentinel() string { return s.own(sentinel, "admin.sock") }

// own is a file of a component's own folder. In containers that is a volume, and the operator has only some of them.
func (s *Stack) own(component, file string) string {
	return filepath.Join(cmp.Or(s.volumes, s.cfg.RunDir), component, file)
}

func (s *Stack) folder(elem ...string) string {
	return filepath.Join(append([]string{s.cfg.RunDir}, elem...)...)
}

// Settings are the keys of the environment that services were started with, sorted.
func (s *Stack) Settings() []string {
	keys := []string{}
	for _, lines := range s.settings {
		for _, line := range lines {
			key, _, _ := strings.Cut(line, "=")
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
