// Package controlplane runs and configures what the platform stands on: Vault, Consul and PostgreSQL, the real
// ones. The configuration is declared in the folders vault/, consul/ and postgres/ beside this code, which
// applies it; applying it again changes nothing.
//
// Nothing here outlives its use. The lab CA's key and Vault's unseal share stay in this process's memory, Vault's
// root token and Consul's bootstrap token are revoked as soon as the operator can log in, and PostgreSQL's
// management passwords are known to Vault alone.
package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vault "github.com/hashicorp/vault/api"

	"redoubt.example/infra/topology"
)

// Component names, of the three servers and of the step after which all is configured.
const (
	Vault    = "vault"
	Postgres = "postgres"
	Consul   = "consul"
	Ready    = "controlplane"

	vaultConfig = "vault-config"
)

// Config says where the control plane lives and whom it serves.
type Config struct {
	Dir string // the lab's runtime folder; short, since a socket's path ends at 107 bytes

	// Public is the folder of what every workload reads, the lab CA's certificate; Dir when "".
	Public string

	// Elsewhere: somebody else starts the servers, each in a container of its own that has its folder below Dir and is
	// known by its name. They are configured, attended to and opened again after a restart, but not run.
	Elsewhere bool

	Consul, Vault string // paths of the binaries; none where they run elsewhere
	PostgresBin   string // the folder with initdb and postgres; likewise

	Topology *topology.Topology

	// AttestKeyPEM verifies workload documents (package attest); IssueJWT issues one, here to the operator and
	// the demo users.
	AttestKeyPEM []byte
	IssueJWT     func(subject, audience string) (string, error)

	LeaseTTL time.Duration // of database credentials; 10 minutes when 0
	NoSync   bool          // PostgreSQL doesn't wait for the disk: a power failure may cost the databases

	// Owner gives the user that a server runs as; nil or 0 means the one we are. PostgreSQL refuses root.
	Owner func(component string) (uid, gid int)
}

// Plane is one lab's control plane. Its addresses are fixed by New, before anything runs.
type Plane struct {
	CAFile       string // PEM of the lab CA, which every server certificate chains to
	VaultAddr    string // https://host:port; the host is 127.0.0.1, or the server's name where it runs elsewhere
	ConsulHTTP   string // host:port, HTTPS
	ConsulGRPC   string // host:port, TLS
	PostgresAddr string // host:port, TLS

	cfg   Config
	ca    *authority
	ports ports
	vault *vault.Client // without a token

	vaultMu     sync.Mutex
	unsealShare string
	vaultReady  bool // configured up to the operator's login and Consul's CA

	consulMu    sync.Mutex
	agentToken  string // Consul's own, for its node's registration
	consulReady bool

	meshCAMu    sync.Mutex
	meshCA      meshCA // in force
	meshCATried int    // the last generation that was begun

	tokenRoles sync.Map               // names of roles in identity/oidc that exist
	shut       sync.Map               // services that are shut out
	switched   sync.Map               // controls that are switched off
	told       atomic.Pointer[edited] // what Vault goes by in place of declared files; nil: none, see SetDeclared
	changes    changes
	looker     looker
}

// New makes the lab CA, chooses free ports and writes the servers' configuration. Nothing is started.
func New(cfg Config) (*Plane, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	if cfg.LeaseTTL == 0 {
		cfg.LeaseTTL = 10 * time.Minute
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	at := func(_ string, port int) string { return local(port) }
	if cfg.Elsewhere {
		ports, at = usualPorts, func(server string, port int) string { return net.JoinHostPort(server, strconv.Itoa(port)) }
	}
	p := &Plane{
		CAFile:       filepath.Join(cmp.Or(cfg.Public, cfg.Dir), "ca.pem"),
		VaultAddr:    "https://" + at(Vault, ports.Vault),
		ConsulHTTP:   at(Consul, ports.ConsulHTTPS),
		ConsulGRPC:   at(Consul, ports.ConsulGRPC),
		PostgresAddr: at(Postgres, ports.Postgres),
		cfg:          cfg,
		ca:           ca,
		ports:        ports,
		meshCA:       firstMeshCA,
		meshCATried:  firstMeshCA.Generation,
	}
	if p.vault, err = p.newVaultClient(); err != nil {
		return nil, err
	}
	if err := p.writeFiles(); err != nil {
		return nil, err
	}
	return p, nil
}

func (c Config) check() error {
	var errs []error
	paths := map[string]string{"Dir": c.Dir}
	if !c.Elsewhere {
		paths = map[string]string{"Dir": c.Dir, "Consul": c.Consul, "Vault": c.Vault, "PostgresBin": c.PostgresBin}
	}
	for name, value := range paths {
		if !filepath.IsAbs(value) {
			errs = append(errs, fmt.Errorf("%s must be an absolute path, not %q", name, value))
		}
	}
	if c.Topology == nil || len(c.AttestKeyPEM) == 0 || c.IssueJWT == nil {
		errs = append(errs, errors.New("a topology, an attestation key and an issuer are needed"))
	}
	if c.LeaseTTL < 0 {
		errs = append(errs, fmt.Errorf("the lease can't last %s", c.LeaseTTL))
	}
	return errors.Join(errs...)
}

func (p *Plane) owner(component string) (uid, gid int) {
	if p.cfg.Owner == nil {
		return 0, 0
	}
	return p.cfg.Owner(component)
}

// path is a file of a server's own folder.
func (p *Plane) path(component string, elem ...string) string {
	return filepath.Join(append([]string{p.cfg.Dir, component}, elem...)...)
}

// databases are the services that own one, sorted.
func (p *Plane) databases() []string {
	var names []string
	for _, name := range p.cfg.Topology.Names() {
		if p.cfg.Topology.Services[name].Database {
			names = append(names, name)
		}
	}
	return names
}

// issue asks the attestor for a document of the operator's or a demo user's.
func (p *Plane) issue(ctx context.Context, subject, audience string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	doc, err := p.cfg.IssueJWT(subject, audience)
	if err != nil {
		return "", fmt.Errorf("issue a document to %s: %w", subject, err)
	}
	return doc, nil
}
