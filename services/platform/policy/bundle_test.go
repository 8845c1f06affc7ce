package policy_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/telemetry"
)

// publisher has a key of its own and a file where services look.
type publisher struct {
	t       *testing.T
	path    string
	private ed25519.PrivateKey
	public  map[int]ed25519.PublicKey
	away    bool
	log     bytes.Buffer
}

func newPublisher(t *testing.T) *publisher {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &publisher{t: t, path: filepath.Join(t.TempDir(), "bundle.json"), private: private, public: map[int]ed25519.PublicKey{1: public}}
}

func (p *publisher) sign(_ context.Context, message []byte) ([]byte, int, error) {
	return ed25519.Sign(p.private, message), 1, nil
}

func (p *publisher) follow(service string) (*policy.Decider, *policy.Follower) {
	return policy.Follow(service, policy.Source{Path: p.path, Log: telemetry.NewLogger(&p.log, service, "info"),
		Keys: func(context.Context) (map[int]ed25519.PublicKey, error) {
			if p.away {
				return nil, errors.New("vault is away")
			}
			return p.public, nil
		}})
}

// bundle is the rules of this repository, changed.
func (p *publisher) bundle(change func(*policy.Bundle)) policy.Bundle {
	top, err := topology.Load()
	require.NoError(p.t, err)
	rules, err := policy.Rules()
	require.NoError(p.t, err)
	b, err := policy.NewBundle(rules, top)
	require.NoError(p.t, err)
	if change != nil {
		change(&b)
	}
	return b
}

func (p *publisher) seal(b policy.Bundle) []byte {
	sealed, err := b.Seal(p.t.Context(), p.sign)
	require.NoError(p.t, err)
	return sealed
}

// publish replaces the file as a publisher does: no reader sees half of it.
func (p *publisher) publish(sealed []byte) {
	next := p.path + ".next"
	require.NoError(p.t, os.WriteFile(next, sealed, 0o644))
	require.NoError(p.t, os.Rename(next, p.path))
}

var credit = policy.Input{Caller: "gateway", Method: "POST", Route: "POST /v1/transfers", Principal: "carol", Entry: "POST /v1/transfers",
	Scopes: []string{"payments:credit"}}

// TestBadBundlesAreRefused: with each, what was in force stays in force, and a record says why.
func TestBadBundlesAreRefused(t *testing.T) {
	p := newPublisher(t)
	stranger := newPublisher(t)
	good := p.bundle(nil)
	var e map[string]any
	require.NoError(t, json.Unmarshal(p.seal(good), &e))
	with := func(key string, value any) []byte {
		spoiled := map[string]any{}
		for k, v := range e {
			spoiled[k] = v
		}
		spoiled[key] = value
		text, err := json.Marshal(spoiled)
		require.NoError(t, err)
		return text
	}
	later := func(change func(*policy.Bundle)) []byte {
		return p.seal(p.bundle(func(b *policy.Bundle) { b.Revision += 1 << 32; change(b) }))
	}
	payments := func(text string) []byte {
		return later(func(b *policy.Bundle) { b.Files["payments.rego"] = text })
	}
	for name, tc := range map[string]struct {
		sealed []byte
		want   string
	}{
		"nothing":               {nil, "unexpected end"},
		"garbage":               {[]byte("allow everything"), "invalid character"},
		"far too large":         {bytes.Repeat([]byte("x"), 2<<20), "too large"},
		"another's signature":   {stranger.seal(p.bundle(nil)), "doesn't verify"},
		"no signature":          {with("signatures", []any{}), "exactly one signature"},
		"another payload type":  {with("payloadType", "application/json"), "isn't a policy"},
		"changed after signing": {with("payload", []byte(`{"revision":9999999999999999}`)), "doesn't verify"},
		"unknown key":           {with("signatures", []any{map[string]any{"keyid": "policy:v2", "sig": "AAAA"}}), "unknown key"},
		"an older one":          {p.seal(p.bundle(func(b *policy.Bundle) { b.Revision = 1 })), "not newer"},
		"without this service":  {later(func(b *policy.Bundle) { delete(b.Services, "payments") }), "none for payments"},
		"without its rules":     {later(func(b *policy.Bundle) { delete(b.Files, "payments.rego") }), "no rules for service"},
		"a syntax error":        {payments("package redoubt.payments\nallow :="), "payments.rego:2"},
		"an unknown reference":  {payments("package redoubt.payments\nallow if input.x == data_of_mine"), "payments.rego:2"},
		"a call to the outside": {payments("package redoubt.payments\nallow := \"x\" if http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})"), "http.send"},
		"everybody comes in":    {payments("package redoubt.payments\nallow := \"open\""), "their default must be to deny"},
		"no rule's name":        {payments("package redoubt.payments\nallow := true"), "malformed decision"},
	} {
		t.Run(name, func(t *testing.T) {
			decider, follower := p.follow("payments")
			p.publish(p.seal(good))
			follower.Refresh(t.Context())
			require.Equal(t, good.Revision, decider.Revision())
			p.log.Reset()

			p.publish(tc.sealed)
			follower.Refresh(t.Context())
			follower.Refresh(t.Context())
			require.Equal(t, good.Revision, decider.Revision())
			require.Equal(t, 1, strings.Count(p.log.String(), `"control":"app.policy.bundle"`), p.log.String())
			require.Contains(t, p.log.String(), tc.want)
			got, err := decider.Decide(t.Context(), credit)
			require.NoError(t, err)
			require.Equal(t, "route-allowed", got.Rule)

			p.publish(later(func(*policy.Bundle) {}))
			follower.Refresh(t.Context())
			require.Greater(t, decider.Revision(), good.Revision, "a good one is taken again")
		})
	}
}

func TestWithoutAPolicyEverythingIsDenied(t *testing.T) {
	p := newPublisher(t)
	decider, follower := p.follow("payments")
	require.ErrorContains(t, decider.Ready(), "no policy")
	got, err := decider.Decide(t.Context(), credit)
	require.Error(t, err)
	require.False(t, got.Allow)

	p.publish(p.seal(p.bundle(nil)))
	p.away = true // the keys can't be had: neither good nor bad yet
	follower.Refresh(t.Context())
	require.Error(t, decider.Ready())
	p.away = false
	follower.Refresh(t.Context())
	require.NoError(t, decider.Ready())
}

// TestRulesChangeWithoutARestart, while requests are decided.
func TestRulesChangeWithoutARestart(t *testing.T) {
	p := newPublisher(t)
	p.publish(p.seal(p.bundle(nil)))
	decider, follower := p.follow("payments")
	follower.Refresh(t.Context())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- follower.Run(ctx) }()
	p.publish(p.seal(p.bundle(func(b *policy.Bundle) {
		b.Files["payments.rego"] += "\nallow := \"holiday\" if false\n"
		b.Files["payments.rego"] = strings.Replace(b.Files["payments.rego"], "allow := \"route-allowed\" if shared.admitted",
			"allow := \"route-allowed\" if {\n\tshared.admitted\n\tinput.route != \"POST /v1/transfers\"\n}", 1)
	})))
	require.Eventually(t, func() bool {
		got, err := decider.Decide(t.Context(), credit)
		require.NoError(t, err)
		return !got.Allow
	}, 5*time.Second, time.Millisecond)
	got, err := decider.Decide(t.Context(), credit)
	require.NoError(t, err)
	require.Equal(t, "default-deny", got.Rule)
	stop()
	require.NoError(t, <-ended)
}

func TestBundleCheck(t *testing.T) {
	p := newPublisher(t)
	require.NoError(t, p.bundle(nil).Check(t.Context()))
	require.Error(t, policy.Bundle{}.Check(t.Context()))
	require.ErrorContains(t, p.bundle(func(b *policy.Bundle) { b.Files["shared.rego"] = "package redoubt.shared\n" }).Check(t.Context()), "shared")
}
