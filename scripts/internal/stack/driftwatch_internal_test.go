package stack

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/services/platform/event"
)

// TestCompare: a difference is told once while it lasts, and once when it is over; a server that doesn't answer says nothing.
func TestCompare(t *testing.T) {
	own := controlplane.Difference{Server: controlplane.Consul, Kind: "intention", Name: "a -> b", Found: "allowed"}
	others := controlplane.Difference{Server: controlplane.Vault, Kind: "policy", Name: "a"}
	known := map[string]controlplane.Difference{"of Vault": others}
	for i, step := range []struct {
		found []controlplane.Difference
		err   error
		said  []string
	}{
		{},
		{found: []controlplane.Difference{own}, said: []string{"a -> b differs"}},
		{found: []controlplane.Difference{own}},
		{err: errors.New("away")},
		{said: []string{"a -> b is well"}},
		{},
	} {
		var said []string
		look := func(context.Context) ([]controlplane.Difference, error) { return step.found, step.err }
		compare(t.Context(), slog.New(slog.DiscardHandler), controlplane.Consul, look, known, func(d controlplane.Difference, differs bool) {
			said = append(said, d.Name+map[bool]string{true: " differs", false: " is well"}[differs])
		})
		require.Equal(t, step.said, said, "step %d", i)
	}
	require.Equal(t, map[string]controlplane.Difference{"of Vault": others}, known, "another server's are none of its business")
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
