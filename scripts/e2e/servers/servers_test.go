// Package servers_test runs the platform's packages for secrets, mesh and policy against Vault, Consul and PostgreSQL in
// containers, of the images that `lab images` has made, and does to the containers what happens to them.
package servers_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/supervisor"
	"redoubt.example/scripts/internal/tools"
	"redoubt.example/services/platform/attest"
)

// servers are a control plane in containers, on this machine's own network: configured as in a lab, and attended to.
type servers struct {
	*controlplane.Plane
	dir    string
	issuer *attest.Issuer
	sup    *supervisor.Supervisor
	log    *slog.Logger

	mu      sync.Mutex
	running map[string]testcontainers.Container
}

// start starts them; they end with the test.
func start(t *testing.T) *servers {
	t.Helper()
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true") // its image would have to come from a registry; the test removes what it starts
	if err := containers.Check(t.Context()); err != nil {
		t.Skipf("skipped: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root can give each server a folder of its own")
	}
	for _, name := range []string{"vault", "consul", "postgres"} {
		if !containers.HasImage(t.Context(), image(name)) {
			t.Skipf("skipped: the engine has no image %s: `lab images` makes it", image(name))
		}
	}
	postgres, err := tools.FindPostgres(t.Context())
	if err != nil {
		t.Skipf("skipped: no PostgreSQL, whose initdb makes the databases: %v", err)
	}
	dir, err := os.MkdirTemp("", "rdt") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o711))
	issuer, err := attest.NewIssuer()
	require.NoError(t, err)
	top, err := topology.Load()
	require.NoError(t, err)
	s := &servers{dir: dir, issuer: issuer, running: map[string]testcontainers.Container{}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	owner := postgresUser(t)
	s.Plane, err = controlplane.New(controlplane.Config{
		Dir: dir, Consul: "/consul", Vault: "/vault", PostgresBin: postgres.Path, Topology: top,
		AttestKeyPEM: issuer.PublicKeyPEM(), IssueJWT: issuer.Token, LeaseTTL: 20 * time.Second, Owner: owner,
	})
	require.NoError(t, err)
	s.document(t, filepath.Join(dir, "consul", "vault.jwt"), "consul", attest.AudienceVault)
	specs := s.Specs()
	for i := range specs {
		if specs[i].Path != "" && !specs[i].Once {
			specs[i] = s.contained(specs[i])
		}
	}
	said := &output{}
	s.sup, err = supervisor.New(supervisor.Config{Log: s.log, Output: func(string) (io.WriteCloser, error) { return said, nil }}, specs...)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.sup.Run(ctx, context.Background()) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	require.NoError(t, s.sup.WaitReady(t.Context(), func([]supervisor.Component) {}))
	return s
}

func image(name string) string { return "redoubt/" + name + ":local" }

// contained is a server's step that has a container run it, with the same program, arguments, folder and user.
func (s *servers) contained(spec process.Spec) process.Spec {
	program, args, env := spec.Path, spec.Args, map[string]string{}
	for _, entry := range spec.Env {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	uid, gid, stop := spec.UID, spec.GID, spec.StopTimeout
	name, folder := spec.Name, spec.Dir
	spec.Path, spec.Args, spec.Env, spec.UID, spec.GID, spec.Dir = "", nil, nil, 0, 0, ""
	spec.Run = func(ctx context.Context) error {
		c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{Started: true, ContainerRequest: testcontainers.ContainerRequest{
			Image: image(name), Entrypoint: []string{program}, Cmd: args, Env: env,
			ConfigModifier: func(c *container.Config) {
				c.User, c.WorkingDir = fmt.Sprintf("%d:%d", uid, gid), folder
			},
			HostConfigModifier: func(h *container.HostConfig) {
				h.NetworkMode, h.Binds, h.ReadonlyRootfs = "host", []string{s.dir + ":" + s.dir}, true
				h.SecurityOpt = []string{"no-new-privileges:true"}
			},
		}})
		if c != nil {
			defer func() { _ = c.Terminate(context.Background()) }()
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.running[name] = c
		s.mu.Unlock()
		for {
			state, err := c.State(ctx)
			switch {
			case ctx.Err() != nil:
				_ = c.Stop(context.Background(), &stop)
				return ctx.Err()
			case err != nil:
				return err
			case !state.Running:
				return fmt.Errorf("%s ended with status %d", name, state.ExitCode)
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	return spec
}

// order gives the engine an order for a server's container: pause, unpause, kill.
func (s *servers) order(t *testing.T, name string, do func(ctx context.Context, c *testcontainers.DockerClient, id string) error) {
	t.Helper()
	engine, err := testcontainers.NewDockerClientWithOpts(t.Context())
	require.NoError(t, err)
	defer engine.Close()
	require.NoError(t, do(t.Context(), engine, s.container(name)))
}

// container is the ID of the one that a server runs in now.
func (s *servers) container(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[name].GetContainerID()
}

func (s *servers) pause(t *testing.T, name string) {
	t.Helper()
	s.order(t, name, func(ctx context.Context, c *testcontainers.DockerClient, id string) error {
		return c.ContainerPause(ctx, id)
	})
}

func (s *servers) unpause(t *testing.T, name string) {
	t.Helper()
	s.order(t, name, func(ctx context.Context, c *testcontainers.DockerClient, id string) error {
		return c.ContainerUnpause(ctx, id)
	})
}

func (s *servers) kill(t *testing.T, name string) {
	t.Helper()
	s.order(t, name, func(ctx context.Context, c *testcontainers.DockerClient, id string) error {
		return c.ContainerKill(ctx, id, "KILL")
	})
}

// document keeps an identity document in a file until the test ends.
func (s *servers) document(t *testing.T, path, subject, audience string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, s.issuer.Keep(t.Context(), attest.File{Path: path, Subject: subject, Audience: audience, Instance: subject}))
	return path
}

func postgresUser(t *testing.T) func(string) (int, int) {
	t.Helper()
	u, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(u.Gid)
	require.NoError(t, err)
	return func(server string) (int, int) {
		if server == controlplane.Postgres {
			return uid, gid
		}
		return 0, 0
	}
}

// output keeps what is said, for the message of a failed test.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) Close() error { return nil }

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
