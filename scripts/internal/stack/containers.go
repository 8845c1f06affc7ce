package stack

import (
	"context"
	"log/slog"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
)

// ContainersConfig is what the operator of a platform in containers is told.
type ContainersConfig struct {
	RunDir     string // holds the servers' folders, which are theirs too
	Public     string // the folder that every container reads: the lab CA's certificate, the policy bundle
	GatewayURL string
	LeaseTTL   time.Duration
	Key        []byte                                         // the attestor's, PEM
	Issue      func(subject, audience string) (string, error) // has the attestor issue a document
	// Withhold has it issue none to a service until Restore.
	Withhold, Restore func(service string) error
	ServerUser        func(server string) (uid, gid int)
	Log               *slog.Logger
}

// NewContainers is the stack of a platform whose processes an engine runs, each in a container: what is left to do is to
// configure the control plane, publish the policy, see everybody in the catalog, and give the demo users credits.
func NewContainers(cfg ContainersConfig) (*Stack, error) {
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	plane, err := controlplane.New(controlplane.Config{
		Dir: cfg.RunDir, Public: cfg.Public, Elsewhere: true, Topology: top, AttestKeyPEM: cfg.Key, IssueJWT: cfg.Issue,
		LeaseTTL: cfg.LeaseTTL, Owner: cfg.ServerUser,
	})
	if err != nil {
		return nil, err
	}
	return &Stack{
		GatewayURL: cfg.GatewayURL, CAFile: plane.CAFile,
		cfg:      Config{RunDir: cfg.Public, Mode: ModeSidecar, Log: cfg.Log},
		topology: top, plane: plane, edgeName: "localhost", volumes: cfg.RunDir, withhold: cfg.Withhold, restore: cfg.Restore,
		instances: serviceInstances(top, nil), jobs: jobInstances(top),
	}, nil
}

// Configured is the last step before workloads may start.
const Configured = policyStep

// Served is the step that has sent the first requests across the platform.
const Served = seed

// ContainerSpecs are the steps of a platform whose processes others run.
func (s *Stack) ContainerSpecs() []process.Spec {
	found := process.Spec{Name: catalog, Once: true, Depends: []string{policyStep}, Run: s.AwaitCatalog}
	served := s.seedStep()
	served.Run = func(ctx context.Context) error { return retried(ctx, s.seed) }
	return append(s.plane.Specs(), s.publishStep(), found, served)
}

// retried: an engine starts containers when it likes, so the first requests may come before who answers them.
func retried(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}
