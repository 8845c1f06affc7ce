package servers_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/attest"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/secrets"
)

// soon is how long what comes by itself may take.
const soon = 40 * time.Second

// TestServersInContainers is one test, since to start them takes longest.
func TestServersInContainers(t *testing.T) {
	s := start(t)
	vault := s.login(t, "payments")

	t.Run("policy: what Vault has signed is in force, and nothing else", func(t *testing.T) { s.policy(t, vault) })

	pool, err := vault.Database(t.Context(), secrets.DatabaseConfig{Addr: s.PostgresAddr, CAFile: s.CAFile, Name: "payments", Role: "payments"})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.NoError(t, query(t, pool))

	t.Run("mesh: intentions, with Consul paused and killed, too", func(t *testing.T) { s.mesh(t) })

	t.Run("secrets: a paused Vault isn't missed", func(t *testing.T) {
		s.pause(t, controlplane.Vault)
		require.Eventually(t, func() bool { _, away := vault.Degraded(); return away }, soon, 50*time.Millisecond, "it is said")
		require.NoError(t, query(t, pool))
		s.unpause(t, controlplane.Vault)
		require.Eventually(t, func() bool { _, away := vault.Degraded(); return !away }, soon, 50*time.Millisecond)
	})
	t.Run("secrets: a killed Vault comes back sealed, and is opened", func(t *testing.T) {
		before := s.container(controlplane.Vault)
		s.kill(t, controlplane.Vault)
		require.NoError(t, query(t, pool))
		require.Eventually(t, func() bool {
			_, err := vault.Transit("policy").PublicKey(t.Context())
			return err == nil && s.container(controlplane.Vault) != before
		}, soon, 50*time.Millisecond, "another container answers")
		require.NoError(t, query(t, pool))
	})
	t.Run("secrets: a killed PostgreSQL comes back with what it held", func(t *testing.T) {
		s.kill(t, controlplane.Postgres)
		require.Error(t, query(t, pool))
		require.Eventually(t, func() bool { return query(t, pool) == nil }, soon, 50*time.Millisecond)
	})
}

func (s *servers) login(t *testing.T, workload string) *secrets.Vault {
	t.Helper()
	v, err := secrets.Login(t.Context(), secrets.Config{Addr: s.VaultAddr, CAFile: s.CAFile, Role: workload, Log: s.log,
		JWTFile: s.document(t, filepath.Join(s.dir, "documents", workload+".vault"), workload, attest.AudienceVault)})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = v.Close(ctx)
	})
	return v
}

func query(t *testing.T, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var one int
	return pool.QueryRow(ctx, "SELECT 1").Scan(&one)
}

// policy publishes the rules, signed by Vault, and then others that somebody else has signed.
func (s *servers) policy(t *testing.T, vault *secrets.Vault) {
	top, err := topology.Load()
	require.NoError(t, err)
	rules, err := policy.Rules()
	require.NoError(t, err)
	bundle, err := policy.NewBundle(rules, top)
	require.NoError(t, err)
	sealed, err := bundle.Seal(t.Context(), s.SignPolicy)
	require.NoError(t, err)
	path := filepath.Join(s.dir, "bundle.json")
	require.NoError(t, os.WriteFile(path, sealed, 0o600))
	decider, follower := policy.Follow("payments", policy.Source{Path: path, Keys: vault.Transit("policy").PublicKey, Log: s.log})
	require.Error(t, decider.Ready(), "no rules, no decisions")
	follower.Refresh(t.Context())
	require.NoError(t, decider.Ready())
	require.Equal(t, bundle.Revision, decider.Revision())

	bundle.Revision++
	forged, err := bundle.Seal(t.Context(), func(context.Context, []byte) ([]byte, int, error) { return make([]byte, 64), 1, nil })
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, forged, 0o600))
	follower.Refresh(t.Context())
	require.Equal(t, bundle.Revision-1, decider.Revision(), "those in force stay")
}

// mesh has ingestion, who may, and notification, who may not, call payments.
func (s *servers) mesh(t *testing.T) {
	payments := s.join(t, "payments")
	listener, err := payments.Listen()
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "payments") })}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	ingestion, notification := s.join(t, "ingestion", "payments"), s.join(t, "notification", "payments")
	require.Eventually(t, func() bool { return get(t, ingestion) == nil }, soon, 100*time.Millisecond, "topology.yaml lets it")
	require.Error(t, get(t, notification), "nobody lets it")

	s.pause(t, controlplane.Consul)
	require.NoError(t, get(t, ingestion), "it knows the intentions")
	require.Error(t, get(t, notification))
	s.unpause(t, controlplane.Consul)
	before := s.container(controlplane.Consul)
	s.kill(t, controlplane.Consul)
	require.NoError(t, get(t, ingestion))
	require.Error(t, get(t, notification))
	require.Eventually(t, func() bool {
		return s.container(controlplane.Consul) != before && get(t, ingestion) == nil && payments.Ready() == nil
	},
		soon, 100*time.Millisecond, "another container answers")
	require.Error(t, get(t, notification))
}

// join is a workload's way into the mesh, in mode native.
func (s *servers) join(t *testing.T, workload string, upstreams ...string) *mesh.Mesh {
	t.Helper()
	folder := filepath.Join(s.dir, workload)
	require.NoError(t, os.MkdirAll(folder, 0o700))
	admin, err := net.Listen("unix", filepath.Join(folder, "admin.sock"))
	require.NoError(t, err)
	app := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })}
	go func() { _ = app.Serve(admin) }() // the mesh sends nobody to an app that doesn't say that it is ready
	t.Cleanup(func() { _ = app.Close() })
	s.document(t, filepath.Join(folder, "consul.jwt"), workload, attest.AudienceConsul)
	m, err := mesh.Open(t.Context(), mesh.Config{Workload: workload, Upstreams: upstreams, RunDir: folder, Mode: "native",
		CAFile: s.CAFile, ConsulHTTP: s.ConsulHTTP, ConsulGRPC: s.ConsulGRPC, Log: s.log})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// get asks payments something, on a connection of its own.
func get(t *testing.T, from *mesh.Mesh) error {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	conn, err := from.Dial(ctx, "payments")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: payments\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && len(answer) == 0 {
		err = fmt.Errorf("closed without an answer")
	}
	return err
}
