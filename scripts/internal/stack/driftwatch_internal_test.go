package stack

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/services/platform/event"
)

// TestDriftWatch: a difference is told once while it lasts, and once when it is over; that a server doesn't answer is told once, too, and
// is no difference.
func TestDriftWatch(t *testing.T) {
	own := controlplane.Difference{Server: controlplane.Consul, Kind: "intention", Name: "a -> b", Found: "allowed"}
	others := controlplane.Difference{Server: controlplane.Vault, Kind: "policy", Name: "a"}
	var said []string
	var log strings.Builder
	w := driftWatch{known: map[string]controlplane.Difference{"of Vault": others}, away: map[string]bool{},
		log: slog.New(slog.NewTextHandler(&log, nil)),
		say: func(d controlplane.Difference, differs bool) {
			said = append(said, d.Name+map[bool]string{true: " differs", false: " is well"}[differs])
		}}
	for i, step := range []struct {
		found []controlplane.Difference
		err   error
		said  []string
	}{
		{},
		{found: []controlplane.Difference{own}, said: []string{"a -> b differs"}},
		{found: []controlplane.Difference{own}},
		{err: errors.New("away")},
		{err: errors.New("still away")},
		{said: []string{"a -> b is well"}},
		{},
	} {
		said = nil
		w.look(t.Context(), controlplane.Consul, func(context.Context) ([]controlplane.Difference, error) { return step.found, step.err })
		require.Equal(t, step.said, said, "step %d", i)
	}
	require.Equal(t, 1, strings.Count(log.String(), "can't be compared"), log.String())
	require.Equal(t, map[string]controlplane.Difference{"of Vault": others}, w.known, "another server's are none of its business")
}

// TestWhatHasVaultCompared: a write that succeeded, of what decides who may do what.
func TestWhatHasVaultCompared(t *testing.T) {
	line := func(operation, path, failed string) []byte {
		return []byte(`{"time":"2026-11-29T00:00:00Z","type":"response","error":"` + failed + `","request":{"id":"1","operation":"` + operation + `","path":"` + path + `"}}`)
	}
	for name, c := range map[string]struct {
		line    []byte
		compare bool
	}{
		"a policy":             {line("update", "sys/policies/acl/notification", ""), true},
		"a policy goes":        {line("delete", "sys/policies/acl/notification", ""), true},
		"a login's role":       {line("create", "auth/jwt/role/notification", ""), true},
		"a database's role":    {line("update", "database/roles/payments", ""), true},
		"the audit log":        {line("delete", "sys/audit/file", ""), true},
		"refused":              {line("update", "sys/policies/acl/notification", "permission denied"), false},
		"read":                 {line("read", "sys/policies/acl/notification", ""), false},
		"a login":              {line("update", "auth/jwt/login", ""), false},
		"a signature":          {line("update", "transit/sign/modelstore", ""), false},
		"a database login":     {line("read", "database/creds/payments", ""), false},
		"a lease that goes on": {line("update", "sys/leases/renew", ""), false},
	} {
		s := &Stack{vaultWritten: make(chan struct{}, 1)}
		e, ok := s.noteVault(c.line)
		require.True(t, ok, name)
		require.NotEmpty(t, e.Text(event.Action), name)
		require.Equal(t, c.compare, len(s.vaultWritten) == 1, name)
	}
}
