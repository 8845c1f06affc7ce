package main_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBadSettingsEndWithOneSentence runs the real program: it exits with 2, so that a supervisor doesn't try again.
func TestBadSettingsEndWithOneSentence(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "gateway")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()

	for name, tc := range map[string]struct{ setting, sentence string }{
		"an unknown key":       {"REDOUBT_OIDC_ISUER=x", "unknown setting REDOUBT_OIDC_ISUER"},
		"no issuer":            {"REDOUBT_OIDC_ISSUER=", "OIDC_ISSUER"},
		"issuer without TLS":   {"REDOUBT_OIDC_ISSUER=http://127.0.0.1/", "is not an https URL"},
		"address without port": {"REDOUBT_LISTEN=localhost", "is not host:port"},
		"a taken port":         {"REDOUBT_LISTEN=" + taken.Addr().String(), "address already in use"},
		"half a limit":         {"REDOUBT_GATEWAY_LIMIT_ADDRESS=100", "is not a limit"},
		"a proxy that is all":  {"REDOUBT_GATEWAY_TRUSTED_PROXIES=0.0.0.0/0", "would let anybody"},
		"an unknown DPoP mode": {"REDOUBT_GATEWAY_DPOP=maybe", "REDOUBT_GATEWAY_DPOP"},
		"origin without TLS":   {"REDOUBT_GATEWAY_PUBLIC_ORIGINS=http://api.example", "is not an origin"},
		"no concurrency":       {"REDOUBT_GATEWAY_CONCURRENCY=0", "REDOUBT_GATEWAY_CONCURRENCY"},
		"no such deny list":    {"REDOUBT_GATEWAY_DENY_LIST=/nonexistent", "no such file"},
		"password in a URL":    {"REDOUBT_REDIS_URL=redis://:secret@127.0.0.1:1", "belongs in a file"},
		"password, no Redis":   {"REDOUBT_REDIS_PASSWORD_FILE=/x", "need REDOUBT_REDIS_URL"},
		"any page's origin":    {"REDOUBT_GATEWAY_CORS_ORIGINS=https://app.example.com,*", "is not an origin"},
		"a WAF mode":           {"REDOUBT_GATEWAY_WAF=on", `it is off, detect or block`},
		"a WAF route":          {"REDOUBT_GATEWAY_WAF_ROUTES=x", "isn't of the form"},
		"a WAF's body limit":   {"REDOUBT_GATEWAY_WAF_BODY=-1", "is negative"},
		"an unknown mode":      {"REDOUBT_MODE=magic", "REDOUBT_MODE"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, program)
			cmd.Env = []string{"REDOUBT_WORKLOAD=gateway", "REDOUBT_RUN_DIR=" + dir, "REDOUBT_CA_FILE=" + dir + "/ca.pem",
				"REDOUBT_OIDC_ISSUER=https://127.0.0.1:1", "REDOUBT_LISTEN=127.0.0.1:0", tc.setting}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.True(t, errors.As(err, &exit), "%v", err)
			require.Equal(t, 2, exit.ExitCode(), string(out))
			require.Contains(t, string(out), tc.sentence)
			require.Equal(t, 1, strings.Count(strings.TrimSpace(string(out)), "\n")+1, string(out))
		})
	}
}
