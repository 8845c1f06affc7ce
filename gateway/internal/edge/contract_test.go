package edge_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
)

const (
	exampleID = "01890a5d-ac96-774b-bcce-b302099a8057"
	draft     = `{"title":"t","text":"x"}`
)

var loadContract = sync.OnceValues(func() (*contract.Contract, error) {
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		return nil, err
	}
	return contract.Load(text)
})

// describedAPI is gateway/openapi.yaml.
func describedAPI(t testing.TB) *contract.Contract {
	t.Helper()
	c, err := loadContract()
	require.NoError(t, err)
	return c
}

// sample sends what the contract gives as a route's example.
func (g *gateway) sample(route, token string) reply {
	g.t.Helper()
	return g.send(g.sampleRequest(route, token))
}

func (g *gateway) sampleRequest(route, token string) *http.Request {
	g.t.Helper()
	o := describedAPI(g.t).Operation(route)
	require.NotNil(g.t, o, route)
	path, header := o.Path, http.Header{}
	for _, p := range o.Doc.Parameters {
		switch p.Value.In {
		case openapi3.ParameterInPath:
			path = strings.Replace(path, "{"+p.Value.Name+"}", p.Value.Example.(string), 1)
		case openapi3.ParameterInHeader:
			header.Set(p.Value.Name, p.Value.Example.(string))
		}
	}
	var body io.Reader
	if o.Doc.RequestBody != nil {
		for _, e := range o.Doc.RequestBody.Value.Content["application/json"].Examples {
			text, err := json.Marshal(e.Value.Value)
			require.NoError(g.t, err)
			body = strings.NewReader(string(text))
		}
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequest(o.Method, g.URL+path, body)
	require.NoError(g.t, err)
	req.Header = header
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req
}

func TestWhatTheContractDoesntDescribeIsRefused(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "documents:write documents:read account:read payments:refund")
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
		status             int
	}{
		"unknown field":           {"POST", "/v1/documents", `{"title":"a","text":"b","owner":"bob"}`, nil, 400},
		"a field twice":           {"POST", "/v1/documents", `{"title":"a","text":"b","text":"c"}`, nil, 400},
		"no body":                 {"POST", "/v1/documents", "", nil, 400},
		"not JSON":                {"POST", "/v1/documents", `{`, nil, 400},
		"nested too deep":         {"POST", "/v1/documents", strings.Repeat("[", 100) + strings.Repeat("]", 100), nil, 400},
		"two content types":       {"POST", "/v1/documents", draft, []string{"Content-Type", "text/plain"}, 415},
		"malformed key":           {"POST", "/v1/documents", draft, []string{"Idempotency-Key", "a b"}, 400},
		"unknown query parameter": {"GET", "/v1/account?admin=true", "", nil, 400},
		"query parameter twice":   {"GET", "/v1/documents?limit=1&limit=2", "", nil, 400},
		"limit too large":         {"GET", "/v1/documents?limit=101", "", nil, 400},
		"an ID that is none":      {"GET", "/v1/documents/doc-1", "", nil, 404},
		"a body where none is":    {"GET", "/v1/documents", `{}`, nil, 400},
		"a page with a query":     {"GET", "/openapi.yaml?x=1", "", nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do(tc.method, tc.path, token, tc.body, tc.header...)
			require.Equal(t, tc.status, r.StatusCode, r.Text)
			require.NotEmpty(t, r.Problem.Detail)
			record := g.requireDecision(r, controls.EdgeSchema)
			require.NotEmpty(t, record["rule"])
			require.NotContains(t, g.log.String(), "bob")
		})
	}
}

func TestContractIsServed(t *testing.T) {
	g := newGateway(t, unreachable(t))
	r := g.do("GET", "/openapi.yaml", "", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "application/yaml", r.Header.Get("Content-Type"))
	require.Equal(t, string(describedAPI(t).Text), r.Text)
	_, err := contract.Load([]byte(r.Text))
	require.NoError(t, err)

	r = g.do("GET", "/docs", "", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Contains(t, r.Header.Get("Content-Type"), "text/html")
	policy := r.Header.Values("Content-Security-Policy")
	require.Len(t, policy, 1)
	require.Contains(t, policy[0], "default-src 'none'; style-src 'sha256-")
	require.Contains(t, r.Text, "createDocument")
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
}

func TestNewNeedsTheContractOfItsRoutes(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*edge.Config)
		reason string
	}{
		"none":            {func(c *edge.Config) { c.Contract = nil }, "needs its contract"},
		"a route too few": {func(c *edge.Config) { c.Routes = c.Routes[1:] }, "isn't a route"},
		"a route too many": {func(c *edge.Config) {
			c.Routes = append(c.Routes, edge.Route{Route: "GET /v1/x", Upstream: "payments", To: "GET /v1/x", Public: true})
		}, "doesn't describe the route GET /v1/x"},
	} {
		t.Run(name, func(t *testing.T) {
			var got edge.Config
			newGateway(t, unreachable(t), func(c *edge.Config) { got = *c })
			for _, o := range describedAPI(t).Sorted {
				got.Routes = append(got.Routes, edge.Route{Route: o.Route, Upstream: "payments", To: o.Route, Public: true})
			}
			tc.change(&got)
			_, err := edge.New(got)
			require.ErrorContains(t, err, tc.reason)
		})
	}
}
