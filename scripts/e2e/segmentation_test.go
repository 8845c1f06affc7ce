package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// place is a container as the engine knows it.
type place struct {
	State struct{ Pid int }
	Net   struct {
		Networks map[string]struct{ IPAddress string }
	} `json:"NetworkSettings"`
}

// segmentation connects from inside notification's network namespace, as whoever broke into it would, to what it has no
// business with; and each time from where that is allowed, which has to succeed: else nothing listened.
func (p *containers) segmentation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root can enter a container's network")
	}
	notification := p.inspect(t, "notification")
	for _, c := range []struct {
		what, target, network string
		port                  uint16
		from                  string // who may
	}{
		{"the network of payments' database", "postgres", "payments-database", 5432, "payments"},
		{"the network of ingestion's database", "postgres", "ingestion-database", 5432, "ingestion"},
		{"the operator's way to the database", "postgres", "control", 5432, "vault"},
		{"the operator's way to Vault", "vault", "control", 8200, "operator"},
		{"payments' way to Vault", "vault", "payments-control", 8200, "payments"},
		{"payments' way to Consul", "consul", "payments-control", 8501, "payments-sidecar"},
		{"modelstore's sidecar, where the weights are", "modelstore-sidecar", "inference-modelstore", 20000, "inference-sidecar"},
		{"payments' sidecar", "payments-sidecar", "ingestion-payments", 20000, "ingestion-sidecar"},
		{"ingestion's sidecar", "ingestion-sidecar", "ingestion-notification", 20000, "notification-sidecar"},
		{"the gateway's port inside", "gateway", "edge-operator", 8443, "operator"},
	} {
		t.Run(c.what, func(t *testing.T) {
			ip := p.inspect(t, c.target).Net.Networks[p.project+"_"+c.network].IPAddress
			require.NotEmpty(t, ip, "%s on %s", c.target, c.network)
			require.NoError(t, connectFrom(p.inspect(t, c.from).State.Pid, ip, c.port), "%s may", c.from)
			err := connectFrom(notification.State.Pid, ip, c.port)
			require.Error(t, err)
			require.True(t, errors.Is(err, syscall.EINPROGRESS) || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENETUNREACH) ||
				errors.Is(err, syscall.EHOSTUNREACH), "it is kept out by the network, not refused by a listener: %v", err)
		})
	}
	t.Run("the host's loopback", func(t *testing.T) {
		address := netip.MustParseAddrPort(strings.TrimPrefix(p.status.GatewayURL, "https://"))
		conn, err := net.DialTimeout("tcp", address.String(), time.Minute)
		require.NoError(t, err, "the host may")
		require.NoError(t, conn.Close())
		require.ErrorIs(t, connectFrom(notification.State.Pid, "127.0.0.1", address.Port()), syscall.ECONNREFUSED, "its own loopback has nobody there")
	})
	t.Run("from the host", func(t *testing.T) { // by routes it has; what is published is the gateway's port alone
		for _, service := range []string{"vault", "consul", "postgres", "payments", "payments-sidecar", "operator"} {
			require.Equal(t, "map[]", p.docker(t, "inspect", "--format", "{{.HostConfig.PortBindings}}", p.name(service)), service)
		}
	})
}

func (p *containers) inspect(t *testing.T, service string) (found place) {
	t.Helper()
	text := p.docker(t, "inspect", "--format", "{{json .}}", p.name(service))
	require.NoError(t, json.Unmarshal([]byte(text), &found))
	require.NotZero(t, found.State.Pid, "%s runs", service)
	return found
}

// connectFrom opens a TCP connection inside the network namespace of a process, and closes it again. Its thread ends with it,
// since it isn't one of ours any more.
func connectFrom(pid int, ip string, port uint16) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := connect(pid, ip, port)
		for range 9 { // Go's runtime interrupts threads that it thinks run for too long
			if !errors.Is(err, unix.EINTR) {
				break
			}
			err = connect(pid, ip, port)
		}
		result <- err
	}()
	return <-result
}

func connect(pid int, ip string, port uint16) error {
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer network.Close()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network of %d: %w", pid, err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	patience := unix.NsecToTimeval((3 * time.Second).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		return err
	}
	return unix.Connect(fd, &unix.SockaddrInet4{Port: int(port), Addr: netip.MustParseAddr(ip).As4()})
}
