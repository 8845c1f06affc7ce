package xds_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	httprbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	netrbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	tcpproxy "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/mesh/internal/meshtest"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// What an Envoy gets that takes our sidecar's place: the registration is the one that the sidecar makes.
func TestRegistration(t *testing.T) {
	env := controlplanetest.Start(t)
	socket := register(t, env, "payments")
	e := as(t, env, "payments")
	public := e.public(t)
	requireMutualTLS(t, public)
	filters := public.FilterChains[0].Filters
	require.Len(t, filters, 2)
	rules := unpack(t, filters[0].GetTypedConfig(), &netrbac.RBAC{}).Rules
	requireCallers(t, rules, env.Topology.Callers("payments"), env.Topology.Names())
	app := e.clusters[unpack(t, filters[1].GetTypedConfig(), &tcpproxy.TcpProxy{}).GetCluster()]
	require.NotNil(t, app)
	at := app.LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address
	require.Equal(t, socket, at.GetPipe().GetPath(), "the app is reached over its socket alone")
}

// Intentions that change reach an Envoy on the stream that it has; with none left nobody is let in.
func TestChangedIntentions(t *testing.T) {
	env := controlplanetest.Start(t)
	register(t, env, "notification")
	e := as(t, env, "notification")
	callers := func() *rbac.RBAC {
		return unpack(t, e.public(t).FilterChains[0].Filters[0].GetTypedConfig(), &netrbac.RBAC{}).Rules
	}
	requireCallers(t, callers(), env.Topology.Callers("notification"), env.Topology.Names())
	require.NoError(t, env.AsConsulOperator(t.Context(), func(c *api.Client) error {
		entry, _, err := c.ConfigEntries().Get(api.ServiceIntentions, "notification", nil)
		require.NoError(t, err)
		_, err = c.ConfigEntries().Delete(api.ServiceIntentions, "notification", nil)
		require.NoError(t, err)
		began := time.Now()
		e.until(t, func() bool { return len(callers().Policies) == 0 })
		t.Logf("no intention any more: %v", time.Since(began))
		requireCallers(t, callers(), nil, env.Topology.Names())
		_, _, err = c.ConfigEntries().Set(entry, nil)
		return err
	}))
	e.until(t, func() bool { return len(callers().Policies) > 0 })
	requireCallers(t, callers(), env.Topology.Callers("notification"), env.Topology.Names())
}

// What mode envoy needs: who calls, in a header, for each request; the app's upstreams at sockets of its own.
func TestHTTPRegistration(t *testing.T) {
	env := controlplanetest.Start(t)
	for protocol, tells := range map[string]bool{"http": true, "http2": true, "grpc": false} { // grpc: an Envoy that tells nobody
		t.Run(protocol, func(t *testing.T) {
			dir := t.TempDir()
			registerHTTP(t, env, "ingestion", protocol, dir, "payments")
			e := as(t, env, "ingestion")
			public := e.public(t)
			requireMutualTLS(t, public)
			manager := unpack(t, public.FilterChains[0].Filters[0].GetTypedConfig(), &hcm.HttpConnectionManager{})
			at := slices.IndexFunc(manager.HttpFilters, func(f *hcm.HttpFilter) bool { return f.Name == "envoy.filters.http.rbac" })
			require.GreaterOrEqual(t, at, 0)
			require.Equal(t, "envoy.filters.http.router", manager.HttpFilters[len(manager.HttpFilters)-1].Name, "it asks the app, after all others")
			requireCallers(t, unpack(t, manager.HttpFilters[at].GetTypedConfig(), &httprbac.RBAC{}).Rules, env.Topology.Callers("ingestion"), env.Topology.Names())
			if !tells {
				require.Equal(t, hcm.HttpConnectionManager_SANITIZE, manager.ForwardClientCertDetails)
				return
			}
			// Not SANITIZE_SET: a caller's own header stays, before what Envoy adds. Hence package xfcc wants exactly one element.
			require.Equal(t, hcm.HttpConnectionManager_APPEND_FORWARD, manager.ForwardClientCertDetails)
			require.True(t, manager.SetCurrentClientCertDetails.Uri)
			requireUpstream(t, e, dir, "payments")
		})
	}
}

// Another service's configuration, its leaf's key within, isn't for everyone who asks.
func TestRefused(t *testing.T) {
	env := controlplanetest.Start(t)
	register(t, env, "payments")
	good := bootstrapOf(t, env, "payments-sidecar-proxy", login(t, env, "payments"))
	for name, token := range map[string]string{"no token": "", "another service's token": login(t, env, "notification"), "no such token": "11111111-2222-3333-4444-555555555555"} {
		t.Run(name, func(t *testing.T) {
			b := good
			b.token = token
			ask(t, b).requireDenied(t)
		})
	}
}

// public is the listener for peers.
func (e *envoy) public(t *testing.T) *listener.Listener {
	t.Helper()
	var found *listener.Listener
	e.until(t, func() bool {
		for name, l := range e.listeners {
			if strings.HasPrefix(name, "public_listener:") {
				found = l
			}
		}
		return found != nil
	})
	require.Len(t, found.FilterChains, 1)
	return found
}

func requireMutualTLS(t *testing.T, l *listener.Listener) {
	t.Helper()
	c := unpack(t, l.FilterChains[0].TransportSocket.GetTypedConfig(), &tlsv3.DownstreamTlsContext{})
	require.True(t, c.RequireClientCertificate.GetValue())
	requireTLS13(t, c.CommonTlsContext)
}

func requireTLS13(t *testing.T, c *tlsv3.CommonTlsContext) {
	t.Helper()
	require.Equal(t, tlsv3.TlsParameters_TLSv1_3, c.TlsParams.GetTlsMinimumProtocolVersion())
	require.NotEmpty(t, c.GetValidationContext().GetTrustedCa().GetInlineString(), "the mesh's roots")
	require.Len(t, c.TlsCertificates, 1)
	require.Contains(t, c.TlsCertificates[0].GetPrivateKey().GetInlineString(), "PRIVATE KEY", "Consul makes it, and sends it along")
}

// requireCallers checks that the rules let in exactly these services of all, by their SPIFFE IDs.
func requireCallers(t *testing.T, rules *rbac.RBAC, want, all []string) {
	t.Helper()
	require.Equal(t, rbac.RBAC_ALLOW, rules.GetAction(), "whom no policy names is denied")
	for _, service := range all {
		require.Equal(t, slices.Contains(want, service), allows(t, rules, service), service)
	}
	require.False(t, allows(t, rules, "mallory"))
}

func allows(t *testing.T, rules *rbac.RBAC, service string) bool {
	t.Helper()
	for _, policy := range rules.Policies {
		for _, permission := range policy.Permissions {
			require.True(t, permission.GetAny())
		}
		for _, principal := range policy.Principals {
			if matches(t, principal, meshtest.ID(service).String()) {
				return true
			}
		}
	}
	return false
}

// matches evaluates what Consul makes of our intentions: an ID by a regular expression, and conjunctions of such. The
// trust domain is another here than in the tests' IDs.
func matches(t *testing.T, p *rbac.Principal, id string) bool {
	t.Helper()
	switch kind := p.Identifier.(type) {
	case *rbac.Principal_Authenticated_:
		pattern := kind.Authenticated.GetPrincipalName().GetSafeRegex().GetRegex()
		require.Regexp(t, `^\^spiffe://[0-9a-f-]{36}\.consul/.*\$$`, pattern, "a whole ID of this trust domain")
		pattern = regexp.MustCompile(`[0-9a-f-]{36}\.consul`).ReplaceAllString(pattern, meshtest.TrustDomain)
		return regexp.MustCompile(pattern).MatchString(id)
	case *rbac.Principal_AndIds:
		for _, part := range kind.AndIds.Ids {
			if !matches(t, part, id) {
				return false
			}
		}
		return true
	case *rbac.Principal_OrIds:
		for _, part := range kind.OrIds.Ids {
			if matches(t, part, id) {
				return true
			}
		}
		return false
	}
	t.Fatalf("a principal that this test doesn't know: %v", p)
	return false
}

// requireUpstream: at a socket that only the app's user may open, and to that service alone.
func requireUpstream(t *testing.T, e *envoy, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, "up-"+name+".sock")
	var at *listener.Listener
	e.until(t, func() bool {
		for _, l := range e.listeners {
			if l.Address.GetPipe().GetPath() == path {
				at = l
			}
		}
		return at != nil
	})
	require.EqualValues(t, 0o600, at.Address.GetPipe().GetMode())
	to := e.clusters[unpack(t, at.FilterChains[0].Filters[0].GetTypedConfig(), &tcpproxy.TcpProxy{}).GetCluster()]
	require.NotNil(t, to)
	c := unpack(t, to.TransportSocket.GetTypedConfig(), &tlsv3.UpstreamTlsContext{})
	requireTLS13(t, c.CommonTlsContext)
	names := c.CommonTlsContext.GetValidationContext().GetMatchTypedSubjectAltNames()
	require.Len(t, names, 1)
	require.Regexp(t, `^spiffe://[0-9a-f-]{36}\.consul/ns/default/dc/dc1/svc/`+name+`$`, names[0].GetMatcher().GetExact())
}

// Envoy's messages are many, and nothing but what runs beside one needs any.
func TestNoBinaryHasThem(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "redoubt.example/services/...").Output()
	require.NoError(t, err)
	programs := slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool { return strings.HasSuffix(path, "/envoyagent") }) // reads what Consul tells an Envoy
	require.Contains(t, programs, "redoubt.example/services/platform/mesh/sidecar")
	out, err = exec.Command("go", append([]string{"list", "-deps"}, programs...)...).Output()
	require.NoError(t, err)
	require.NotContains(t, string(out), "envoyproxy")
}
