package edge_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
)

func listOf(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// TestCountries: where a request comes from is in the access log, and in the record of a refusal.
func TestCountries(t *testing.T) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-Country", IncludeReservedNetworks: true})
	require.NoError(t, err)
	for cidr, code := range map[string]string{"203.0.113.0/24": "XX", "198.51.100.0/24": "NL"} {
		_, network, err := net.ParseCIDR(cidr)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(network, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}))
	}
	var database bytes.Buffer
	_, err = tree.WriteTo(&database)
	require.NoError(t, err)
	known, err := address.Open(address.Config{GeoDatabase: listOf(t, database.String()), DenyCountries: []string{"XX"}, Log: slog.Default()})
	require.NoError(t, err)
	g := newGateway(t, fine, func(cfg *edge.Config) {
		cfg.Addresses = known
		require.NoError(t, cfg.Proxies.UnmarshalText([]byte("127.0.0.1")))
	})
	alice := g.Issuer.Token("alice", "documents:read")
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", alice, "", "X-Forwarded-For", "198.51.100.9").StatusCode)
	require.Contains(t, g.log.String(), `"client":"198.51.100.9","country":"NL"`)
	r := g.do("GET", "/v1/documents", alice, "", "X-Forwarded-For", "203.0.113.9")
	require.Equal(t, http.StatusForbidden, r.StatusCode)
	require.Equal(t, "XX", g.requireDecision(r, controls.EdgeAddress)["country"])
	r = g.do("GET", "/v1/documents", "garbage", "", "X-Forwarded-For", "198.51.100.9")
	require.Equal(t, "NL", g.requireDecision(r, controls.EdgeSignature)["country"], "each decision knows it")
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", alice, "").StatusCode, "unknown isn't denied")
}
