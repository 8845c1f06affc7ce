package mesh_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/k6/mesh"
)

func TestTargetsOutsideTheLab(t *testing.T) {
	lab := t.TempDir()
	g := mesh.NewGuard(lab, "")
	outside := filepath.Join(t.TempDir(), "docker.sock")
	require.NoError(t, os.Symlink(outside, filepath.Join(lab, "link.sock")))
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	for _, address := range []string{
		"", "10.0.0.1:80", "192.168.1.1:443", "169.254.169.254:80", "8.8.8.8:53", "0.0.0.0:80", "[::]:80", "[2001:db8::1]:443", "[fe80::1%lo]:80",
		"[::ffff:10.0.0.1]:80", "[::ffff:127.0.0.1]:80", "localhost:80", "example.com:443", "127.0.0.1", "127.0.0.1:http", "127.1:80", "2130706433:80", "0177.0.0.1:80",
		"tcp:10.0.0.1:80", "udp:127.0.0.1:53", "unix:/var/run/docker.sock", "unix:" + outside, "unix:" + lab, "unix:" + lab + "/../x.sock",
		"unix:" + lab + "x/app.sock", "unix:relative.sock", "unix:@abstract", "unix:" + filepath.Join(lab, "link.sock"),
	} {
		_, _, err := g.Target(address)
		require.ErrorIs(t, err, mesh.ErrConfined, address)
	}
	for address, network := range map[string]string{
		"127.0.0.1:80": "tcp", "127.255.255.254:1": "tcp", "[::1]:443": "tcp", "tcp:127.0.0.1:80": "tcp", "unix:" + lab + "/payments/app.sock": "unix",
	} {
		got, _, err := g.Target(address)
		require.NoError(t, err, address)
		require.Equal(t, network, got)
	}
	_, _, err := mesh.NewGuard("", "").Target("unix:/tmp/app.sock")
	require.ErrorIs(t, err, mesh.ErrConfined, "without a lab there are no sockets of its own")
}

// TestRefusedBeforeTheFirstPacket: every way out of a script asks first.
func TestRefusedBeforeTheFirstPacket(t *testing.T) {
	s := newScript(t, "")
	for _, call := range []string{
		`mesh.http({address: "10.0.0.1:80"})`, `mesh.race([{address: "10.0.0.1:80"}])`, `mesh.dial({address: "10.0.0.1:80"})`,
		`mesh.grpc({address: "10.0.0.1:80", method: "/a.B/C"})`, `mesh.postgres({address: "10.0.0.1:5432", user: "x"})`,
		`mesh.http({address: "127.0.0.1:1", from: "10.0.0.1"})`, `mesh.dial({address: "127.0.0.1:1", from: "10.0.0.1"})`, `mesh.http({address: "127.0.0.1:1", from: "localhost"})`,
		`mesh.listen({address: "0.0.0.0:0"})`, `mesh.read("/etc/passwd")`, `mesh.write("/tmp/x", "y")`,
	} {
		_, err := s.run(call)
		require.ErrorContains(t, err, "outside the lab", call)
	}
}

func TestLoopsAreBounded(t *testing.T) {
	s := newScript(t, "")
	_, err := s.run(`for (;;) mesh.jws({header: {}, payload: {}})`)
	require.ErrorContains(t, err, "the loop isn't bounded")
	_, err = s.run(`mesh.http({address: "127.0.0.1:1"})`)
	require.ErrorContains(t, err, "the loop isn't bounded", "it stays so for whatever comes next")
}

func TestBoundedInTime(t *testing.T) {
	g := mesh.NewGuard("", "")
	mesh.Elapse(g)
	require.ErrorContains(t, g.Count(), "still acting after")
}

// TestRefusalsAreResults: what the other side refuses is read, and no exception.
func TestRefusalsAreResults(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := closed.Addr().String()
	require.NoError(t, closed.Close())
	s := newScript(t, "")
	for _, call := range []string{"http", "dial", "grpc", "postgres"} {
		got, err := s.run(`const r = mesh.` + call + `({address: "` + address + `"` + map[string]string{"grpc": `, method: "/a.B/C"`}[call] + `}); r.errno`)
		require.NoError(t, err, call)
		require.Equal(t, "ECONNREFUSED", got, call)
	}
}
