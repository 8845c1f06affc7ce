package e2e_test

import (
	bigendian "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serverLogs: what PostgreSQL refuses is an event of sentinel's, though only the engine sees its log.
func (p *containers) serverLogs(t *testing.T) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(p.inspect(t, "postgres").Net.Networks[p.project+"_control"].IPAddress, "5432"), 5*time.Second)
	require.NoError(t, err)
	defer conn.Close()
	ask := append([]byte{0, 3, 0, 0}, "user\x00nobody\x00database\x00payments\x00\x00"...) // a start without TLS, protocol 3.0
	_, err = conn.Write(append(bigendian.BigEndian.AppendUint32(nil, uint32(len(ask)+4)), ask...))
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "FATAL")
	require.Eventually(t, func() bool {
		var found []struct{ Fields map[string]any }
		require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "events", "--service", "postgres", "--json"))), &found))
		return slices.ContainsFunc(found, func(e struct{ Fields map[string]any }) bool { return e.Fields["redoubt.database"] == "payments" })
	}, 10*time.Second, 200*time.Millisecond)
}

// responses: a service is isolated, and given back, by the operator. Nothing restarts it meanwhile.
func (p *containers) responses(t *testing.T) {
	require.Equal(t, http.StatusOK, p.get(t, "/v1/inbox"))
	require.Equal(t, 2, p.lab.run(t, "respond", "order", "isolate-service", "gateway").code, "never the gateway")
	var done struct{ ID, State string }
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "respond", "order", "isolate-service", "notification", "--json"))), &done))
	require.Equal(t, "done", done.State)
	require.Eventually(t, func() bool { return p.get(t, "/v1/inbox") != http.StatusOK }, 10*time.Second, 100*time.Millisecond)
	if os.Geteuid() == 0 {
		require.NoFileExists(t, p.file(t, "notification", "vault.jwt"), "the attestor gives it no documents")
		require.FileExists(t, p.file(t, "payments", "vault.jwt"))
	}
	succeeds(t, p.lab.run(t, "respond", "undo", done.ID))
	require.Equal(t, http.StatusOK, p.get(t, "/v1/inbox"), "it is back when undo says so")
}

// revocation takes everything from a service until it is started again.
func (p *containers) revocation(t *testing.T) {
	succeeds(t, p.lab.run(t, "revoke", "service", "notification"))
	require.Eventually(t, func() bool { return p.get(t, "/v1/inbox") != http.StatusOK }, 10*time.Second, 100*time.Millisecond)
	succeeds(t, p.lab.run(t, "start", "notification"))
	require.Eventually(t, func() bool { return p.get(t, "/v1/inbox") == http.StatusOK }, time.Minute, 500*time.Millisecond)
}

// held: who holds what, certificates of servers and workloads included.
func (p *containers) held(t *testing.T) {
	var all []struct{ Kind, Holder, ID string }
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "secrets", "list", "--json"))), &all))
	has := func(kind, holder string) bool {
		return slices.ContainsFunc(all, func(s struct{ Kind, Holder, ID string }) bool {
			return s.Kind == kind && s.Holder == holder && s.ID != ""
		})
	}
	require.True(t, has("certificate", "vault"), "%v", all)
	seen := map[string]bool{}
	for _, s := range all {
		require.False(t, seen[s.Kind+s.Holder+s.ID], "%s of %s is listed twice", s.Kind, s.Holder)
		seen[s.Kind+s.Holder+s.ID] = true
	}
	if os.Geteuid() == 0 {
		require.True(t, has("mesh certificate", "payments"), "%v", all)
		require.True(t, has("certificate", "gateway"), "%v", all)
	}
}

// file is one of a service's own folder, as root on this machine sees it.
func (p *containers) file(t *testing.T, service, name string) string {
	t.Helper()
	return fmt.Sprintf("/proc/%d/root/run/redoubt/%s/%s", p.inspect(t, service).State.Pid, service, name)
}
