package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
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

	OTLPEndpoint string  `env:"OTLP_ENDPOINT"`                  // http(s)://host:port of a receiver of traces and metrics (OTLP/HTTP); "": none
	TraceSample  float64 `env:"TRACE_SAMPLE" envDefault:"0.05"` // the share of requests that are traced, 0 to 1; the gateway decides

	ControlsOff []string `env:"CONTROLS_OFF"`   // IDs of controls to run without, comma-separated; only in an unsafe lab
	CheckAgain  bool     `env:"CONTROLS_AGAIN"` // check everything a second time at this hop: the profile overchecked
	Delays      []string `env:"DELAYS"`         // what to waste in controls, "app.policy=20us,...", for a harness to find; only in an unsafe lab
}

// Common is what all have, of settings that embed it.
func (w Workload) Common() Workload { return w }

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
	if err := telemetry.CheckEndpoint(w.OTLPEndpoint); w.OTLPEndpoint != "" && err != nil {
		errs = append(errs, fmt.Errorf("REDOUBT_OTLP_ENDPOINT %w", err))
	}
	if !(w.TraceSample >= 0 && w.TraceSample <= 1) { // NaN is neither
		errs = append(errs, fmt.Errorf("REDOUBT_TRACE_SAMPLE %v is not between 0 and 1", w.TraceSample))
	}
	if err := controls.Unsafe(); w.UnsafeLab && err != nil {
		errs = append(errs, fmt.Errorf("REDOUBT_UNSAFE_LAB: %w", err))
	}
	if len(w.ControlsOff) > 0 && !w.UnsafeLab {
		errs = append(errs, errors.New("REDOUBT_CONTROLS_OFF needs REDOUBT_UNSAFE_LAB=1: it switches security controls off"))
	}
	if err := controls.Switchable(w.ControlsOff); err != nil {
		errs = append(errs, fmt.Errorf("REDOUBT_CONTROLS_OFF: %w", err))
	}
	if len(w.Delays) > 0 && !w.UnsafeLab {
		errs = append(errs, errors.New("REDOUBT_DELAYS needs REDOUBT_UNSAFE_LAB=1: it slows the service down"))
	}
	if _, err := controls.ParseDelays(w.Delays); err != nil {
		errs = append(errs, fmt.Errorf("REDOUBT_DELAYS: %w", err))
	}
	return errors.Join(errs...)
}
