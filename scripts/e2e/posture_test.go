package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
)

// byHandWithin is how long after a change by hand its alert may be there: a look a second, and the event's way.
const byHandWithin = 5 * time.Second

type posture struct {
	Score    int
	Findings []struct{ Weight, Kind, Where, What, Mend string }
	Coverage struct {
		Edges, Proved int
		Percent       float64
	}
}

// TestPosture: a lab as it is declared passes; what is changed by hand in Consul or Vault raises an alert within seconds and fails it,
// until it is put back; and what was never used is proposed to be taken away, as a patch that applies.
func TestPosture(t *testing.T) {
	t.Parallel()
	l := up(t)
	honest := l.load(t, 5)
	honest.more(t, 40)
	honest.finish(t)
	p, code := l.posture(t)
	require.Zero(t, code, "%+v", p.Findings)
	require.GreaterOrEqual(t, p.Score, 80)
	require.Empty(t, p.drift(), "nothing differs yet")
	require.Equal(t, p.Coverage.Edges, p.Coverage.Proved)
	require.InDelta(t, 100, p.Coverage.Percent, 0)
	_, code = l.posture(t, "--min-score", "100")
	require.Equal(t, 1, code, "no attack has proved a control here: %+v", p.Findings)
	require.Empty(t, l.byHand(t))

	t.Run("an intention", func(t *testing.T) { testIntentionByHand(t, l) })
	t.Run("a Vault policy", func(t *testing.T) { testVaultPolicyByHand(t, l) })
	t.Run("recommend", func(t *testing.T) { testRecommend(t, l) })
	require.Equal(t, 2, l.run(t, "token", "--operator", "postgres").code)
	require.Equal(t, 2, l.run(t, "token").code)
}

func testIntentionByHand(t *testing.T, l *lab) {
	client := l.consulOperator(t)
	entry, _, err := client.ConfigEntries().Get(consul.ServiceIntentions, "payments", nil)
	require.NoError(t, err)
	declared := entry.(*consul.ServiceIntentionsConfigEntry)
	changed := *declared
	changed.Sources = append(slices.Clone(declared.Sources), &consul.SourceIntention{Name: "notification", Action: consul.IntentionActionAllow})
	began := time.Now()
	_, _, err = client.ConfigEntries().Set(&changed, nil)
	require.NoError(t, err)
	require.Contains(t, l.awaitByHand(t, 1)[0].Reason, "notification -> payments")
	t.Logf("found after %s", time.Since(began).Round(time.Millisecond))
	p, code := l.posture(t)
	require.Equal(t, 1, code)
	require.Equal(t, []string{"critical consul intention notification -> payments"}, p.drift())
	_, _, err = client.ConfigEntries().Set(declared, nil)
	require.NoError(t, err)
	p, code = l.posture(t)
	require.Zero(t, code, "%+v", p.Findings)
	require.Empty(t, p.drift())
	time.Sleep(2 * time.Second) // two looks more
	require.Len(t, l.byHand(t), 1, "putting it back is no finding, and what lasts is told once")
}

func testVaultPolicyByHand(t *testing.T, l *lab) {
	client := l.vaultOperator(t)
	declared, err := client.Sys().GetPolicyWithContext(t.Context(), "notification")
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, client.Sys().PutPolicyWithContext(t.Context(), "notification", declared+"\npath \"transit/*\" { capabilities = [\"update\"] }\n"))
	require.Contains(t, l.awaitByHand(t, 2)[1].Reason, "sys/policies/acl/notification")
	t.Logf("found after %s", time.Since(began).Round(time.Millisecond))
	p, code := l.posture(t)
	require.Equal(t, 1, code)
	require.Equal(t, []string{"critical vault policy notification"}, p.drift())
	require.NoError(t, client.Sys().PutPolicyWithContext(t.Context(), "notification", declared))
	p, code = l.posture(t)
	require.Zero(t, code, "%+v", p.Findings)
}

// testRecommend: nothing is said with too little seen; else the routes that nobody used are in a patch that git takes.
func testRecommend(t *testing.T, l *lab) {
	require.Equal(t, 1, l.run(t, "posture", "recommend").code, "an hour is needed")
	got := l.run(t, "posture", "recommend", "--observed", "1s", "--requests", "20", "--json")
	require.Zero(t, got.code, got.stdout+got.stderr)
	var proposal struct {
		Patch string
		Lines []struct{ File, Change, Basis string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &proposal))
	require.True(t, slices.ContainsFunc(proposal.Lines, func(l struct{ File, Change, Basis string }) bool {
		return strings.Contains(l.Change, "refund") && l.Basis != ""
	}), "nobody had anything refunded: %+v", proposal.Lines)
	patch := filepath.Join(t.TempDir(), "least.patch")
	require.NoError(t, os.WriteFile(patch, []byte(proposal.Patch), 0o600))
	check := exec.Command("git", "apply", "--check", patch)
	check.Dir = "../.."
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, proposal.Patch)
}

func (l *lab) posture(t testing.TB, args ...string) (p posture, code int) {
	t.Helper()
	got := l.run(t, append([]string{"posture", "--json"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &p), got.stderr)
	return p, got.code
}

func (p posture) drift() (all []string) {
	for _, f := range p.Findings {
		if f.Kind == "drift" {
			all = append(all, f.Weight+" "+f.Where)
		}
	}
	return all
}

func (l *lab) byHand(t testing.TB) (all []alert.Alert) {
	t.Helper()
	l.json(t, &all, "alerts", "--rule", "changed_by_hand")
	return all
}

func (l *lab) awaitByHand(t testing.TB, n int) (all []alert.Alert) {
	t.Helper()
	require.Eventually(t, func() bool {
		all = l.byHand(t)
		return len(all) >= n
	}, byHandWithin, 50*time.Millisecond, "nobody says that something was changed")
	require.Len(t, all, n)
	return all
}

// document is the operator's, as a person gets it.
func (l *lab) document(t testing.TB, server string) string {
	t.Helper()
	got := l.run(t, "token", "--operator", server)
	require.Zero(t, got.code, got.stderr)
	return strings.TrimSpace(got.stdout)
}

func (l *lab) consulOperator(t testing.TB) *consul.Client {
	t.Helper()
	cfg := consul.DefaultConfig()
	cfg.Address, cfg.Scheme, cfg.TLSConfig.CAFile = l.environment(t, "payments")["REDOUBT_CONSUL_HTTP"], "https", l.status.CAFile
	client, err := consul.NewClient(cfg)
	require.NoError(t, err)
	token, _, err := client.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: l.document(t, "consul")}, nil)
	require.NoError(t, err)
	client.SetHeaders(http.Header{"X-Consul-Token": {token.SecretID}})
	t.Cleanup(func() { _, _ = client.ACL().Logout(nil) })
	return client
}

func (l *lab) vaultOperator(t testing.TB) *vault.Client {
	t.Helper()
	cfg := vault.DefaultConfig()
	cfg.Address = "https://" + strings.TrimPrefix(l.environment(t, "payments")["REDOUBT_VAULT_ADDR"], "https://")
	require.NoError(t, cfg.ConfigureTLS(&vault.TLSConfig{CACert: l.status.CAFile}))
	client, err := vault.NewClient(cfg)
	require.NoError(t, err)
	login, err := client.Logical().WriteWithContext(t.Context(), "auth/jwt/login", map[string]any{"role": "operator", "jwt": l.document(t, "vault")})
	require.NoError(t, err)
	client.SetToken(login.Auth.ClientToken)
	return client
}
