package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
)

// Modes are the ways in which the mesh may reach a workload.
var Modes = []string{"sidecar", "native", "plaintext", "envoy"}

var (
	workloadName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	instanceName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,126}$`)
)

// Workload is what every workload, sidecar and job is told at start. It holds no secret: those are in the
// run folder's files, or leased. Embed it in the binary's own struct.
type Workload struct {
	Name       string `env:"WORKLOAD,required,notEmpty"`
	Instance   string `env:"INSTANCE"`                  // this one of several replicas, unique among all; Name when there is one
	RunDir     string `env:"RUN_DIR,required,notEmpty"` // sockets and identity documents
	Mode       string `env:"MODE" envDefault:"sidecar"`
	CAFile     string `env:"CA_FILE,required,notEmpty"`
	ConsulHTTP string `env:"CONSUL_HTTP"` // host:port, TLS
	ConsulGRPC string `env:"CONSUL_GRPC"` // host:port, TLS
	VaultAddr  string `env:"VAULT_ADDR"`  // https://host:port
	Database   string `env:"DATABASE"`    // host:port, TLS; only for workloads that own a database
	PolicyFile string `env:"POLICY_FILE"` // the signed policy bundle; without one, the rules compiled in
	LogLevel   string `env:"LOG_LEVEL" envDefault:"info"`
	UnsafeLab  bool   `env:"UNSAFE_LAB"` // allows to choose what protects nothing; never in a build for release
}

// Validate reports everything that is wrong at once.
func (w Workload) Validate() error {
	var errs []error
	if !workloadName.MatchString(w.Name) {
		errs = append(errs, fmt.Errorf("REDOUBT_WORKLOAD %q is not a workload's name", w.Name))
	}
	if w.Instance != "" && !instanceName.MatchString(w.Instance) {
		errs = append(errs, fmt.Errorf("REDOUBT_INSTANCE %q is not an instance's name", w.Instance))
	}
	if !slices.Contains(Modes, w.Mode) {
		errs = append(errs, fmt.Errorf("REDOUBT_MODE %q is not one of %v", w.Mode, Modes))
	}
	for _, path := range [][2]string{{"RUN_DIR", w.RunDir}, {"CA_FILE", w.CAFile}} {
		if !filepath.IsAbs(path[1]) {
			errs = append(errs, fmt.Errorf("REDOUBT_%s %q is not an absolute path", path[0], path[1]))
		}
	}
	for _, addr := range [][2]string{{"CONSUL_HTTP", w.ConsulHTTP}, {"CONSUL_GRPC", w.ConsulGRPC}, {"DATABASE", w.Database}} {
		if _, _, err := net.SplitHostPort(addr[1]); addr[1] != "" && err != nil {
			errs = append(errs, fmt.Errorf("REDOUBT_%s %q is not host:port", addr[0], addr[1]))
		}
	}
	return errors.Join(errs...)
}
