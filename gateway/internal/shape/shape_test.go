package shape_test

import (
	"bufio"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/shape"
)

func request(target string, header http.Header) *http.Request {
	return &http.Request{Method: http.MethodGet, RequestURI: target, Host: "gateway", ProtoMajor: 1, ProtoMinor: 1, Header: header}
}

func TestTargets(t *testing.T) {
	for target, want := range map[string]string{
		"//":                                     "no such path",
		"/v1//documents":                         "no such path",
		"/v1/./documents":                        "no such path",
		"/v1/../documents":                       "no such path",
		"/..":                                    "no such path",
		"/.":                                     "no such path",
		"/v1/%64ocuments":                        "no such path",
		"/v1/documents%2f1":                      "no such path",
		"/v1/documents;a=b":                      "no such path",
		`/v1\documents`:                          "no such path",
		"/v1/\xc0\xae\xc0\xae/a":                 "no such path", // dots, overlong in UTF-8
		"/v1/%c0%ae%c0%ae/a":                     "no such path",
		"http://other/v1":                        "no such path",
		"":                                       "no such path",
		"*":                                      "no such path",
		"v1":                                     "no such path",
		"/" + strings.Repeat("a", shape.MaxPath): "no such path",
		"/v1?a=" + strings.Repeat("a", 3<<10):    "the query string is too long",
		"/v1?" + strings.Repeat("a&", 40):        "the query string is too long",
		"/v1?a=%zz":                              "the query string is malformed",
		"/v1?a=1;b=2":                            "the query string is malformed",
		"/v1?a=%00":                              "the query string isn't UTF-8 text",
		"/v1?a=%0d%0aSet-Cookie:x":               "the query string isn't UTF-8 text",
		"/v1?a=%c0%af":                           "the query string isn't UTF-8 text",
		"/":                                      "",
		"/v1/documents":                          "",
		"/v1/documents/":                         "",
		"/v1/documents:batch":                    "",
		"/v1/webhooks/.hidden":                   "",
		"/v1/documents/a..b":                     "",
		"/v1/documents/01939f6e-72a6-7d7c_~.x?a=%26":  "",
		"/v1/documents?cursor=a%2Bb&limit=2&q=%C3%BC": "",
	} {
		v := shape.Check(request(target, nil))
		if want == "" {
			require.Nil(t, v, target)
			continue
		}
		require.NotNil(t, v, "%.60q", target)
		require.Equal(t, want, v.Reason, "%.60q", target)
		require.Equal(t, want == "no such path", v.Path)
	}
	options := request("*", nil)
	options.Method = http.MethodOptions
	require.Nil(t, shape.Check(options))
}

func TestFields(t *testing.T) {
	many := http.Header{}
	for i := range shape.MaxFields + 1 {
		many["X-"+strconv.Itoa(i)] = []string{"a"}
	}
	for want, header := range map[string]http.Header{
		"too many":             many,
		"too many header":      {"Accept": make([]string, shape.MaxFields+1)},
		"too long":             {"Accept": {strings.Repeat("a", shape.MaxValue+1)}},
		"beyond ASCII":         {"Accept": {"\xff"}},
		"underscore":           {"X_forwarded_for": {"127.0.0.1"}},
		"Range is":             {"Range": {"bytes=0-1", "bytes=2-3"}},
		"Idempotency-Key is":   {"Idempotency-Key": {"a", "a"}},
		":authority differ":    {"Host": {"elsewhere"}},
		"Transfer-Encoding is": {"Transfer-Encoding": {"chunked"}},
	} {
		v := shape.Check(request("/v1", header))
		require.NotNil(t, v, want)
		require.Contains(t, v.Reason, want)
	}
	require.Nil(t, shape.Check(request("/v1", http.Header{"Accept": {"text/html", "*/*"}, "Host": {"gateway"}, "Content-Type": {"application/json"}})))
	old := request("/v1", nil)
	old.ProtoMinor = 0
	require.True(t, shape.Check(old).Close)
}

// FuzzTarget: a target that is let through means the same to everybody: cleaning and decoding its path change nothing.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/v1/documents?a=b", "/v1/%2e%2e/x", "/a/./b", "//x", "/a;b", "/a?x=%00", "/\xc0\xae"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if shape.Check(request(target, nil)) != nil {
			return
		}
		raw, query, _ := strings.Cut(target, "?")
		require.Equal(t, strings.TrimSuffix(path.Clean(raw), "/"), strings.TrimSuffix(raw, "/"))
		u, err := url.ParseRequestURI(target)
		require.NoError(t, err)
		require.Equal(t, raw, u.Path)
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		for name, all := range values {
			require.True(t, utf8.ValidString(name+strings.Join(all, "")))
		}
		line := "GET " + target + " HTTP/1.1\r\nHost: gateway\r\n\r\n"
		parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line)))
		require.NoError(t, err)
		require.Equal(t, target, parsed.RequestURI)
	})
}

func BenchmarkCheck(b *testing.B) {
	r := request("/v1/documents?limit=20&cursor=abc", http.Header{"Accept": {"*/*"}, "Authorization": {"Bearer " + strings.Repeat("a", 700)},
		"Content-Type": {"application/json"}, "User-Agent": {"curl/8.1"}, "Idempotency-Key": {"a"}})
	b.ReportAllocs()
	for b.Loop() {
		if shape.Check(r) != nil {
			b.Fatal("refused")
		}
	}
}
