package page_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/services/platform/alert"
)

// quiet is a lab in which nothing happens, and every verb answers with its own words.
func quiet(t *testing.T) page.Config {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	return page.Config{
		Topology: top, Log: slog.New(slog.DiscardHandler),
		Run: func(_ context.Context, c page.Call) page.Answer {
			said, _ := json.Marshal(map[string]any{"args": c.Args, "stdin": c.Stdin})
			return page.Answer{Command: "lab " + strings.Join(c.Args, " "), Result: said}
		},
		Status: func(context.Context) control.Status { return control.Status{Ready: true} },
		Sample: func(context.Context) (hops.Sample, error) { return hops.Sample{}, nil },
		Alerts: func(context.Context, alert.Query) ([]alert.Alert, error) { return nil, nil },
		Events: func(context.Context, alert.EventQuery) ([]alert.Event, error) { return nil, nil },
	}
}

func start(t *testing.T, cfg page.Config) *page.Server {
	t.Helper()
	s, err := page.Listen(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return s
}

// visitor keeps cookies, and says where a request comes from, as browsers do.
type visitor struct {
	*http.Client
	s    *page.Server
	csrf string
}

func newVisitor(t *testing.T, s *page.Server) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{Client: &http.Client{Jar: jar}, s: s}
}

// opened is one that used a link.
func opened(t *testing.T, s *page.Server) *visitor {
	t.Helper()
	b := newVisitor(t, s)
	status, _ := b.get(t, strings.TrimPrefix(s.Link().URL, strings.TrimSuffix(s.URL(), "/")), nil)
	require.Equal(t, http.StatusOK, status)
	_, body := b.get(t, "/", nil)
	_, rest, ok := strings.Cut(body, `<meta name="csrf" content="`)
	require.True(t, ok, body)
	b.csrf, _, _ = strings.Cut(rest, `"`)
	return b
}

func (b *visitor) get(t *testing.T, path string, header map[string]string) (int, string) {
	t.Helper()
	return b.do(t, http.MethodGet, path, "", header)
}

func (b *visitor) post(t *testing.T, path, body string, header map[string]string) (int, string) {
	t.Helper()
	all := map[string]string{"Content-Type": "application/json", "Origin": strings.TrimSuffix(b.s.URL(), "/"), "Sec-Fetch-Site": "same-origin", "X-Redoubt-Csrf": b.csrf}
	for name, value := range header {
		all[name] = value
	}
	return b.do(t, http.MethodPost, path, body, all)
}

func (b *visitor) do(t *testing.T, method, path, body string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(b.s.URL(), "/")+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else if value != "" {
			r.Header.Set(name, value)
		}
	}
	res, err := b.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestWithoutALinkNothingIsShown(t *testing.T) {
	s := start(t, quiet(t))
	for _, path := range []string{"/", "/live", "/api/secrets", "/open/", "/open/guess", "/nothing"} {
		status, body := newVisitor(t, s).get(t, path, nil)
		require.GreaterOrEqual(t, status, 400, path)
		require.NotContains(t, body, "csrf", path)
		require.NotContains(t, body, "payments", path)
	}
	b := newVisitor(t, s)
	status, _ := b.post(t, "/api/attack", `{"id":"x"}`, nil)
	require.Equal(t, http.StatusUnauthorized, status)
}

func TestALinkOpensOnce(t *testing.T) {
	s := start(t, quiet(t))
	path := strings.TrimPrefix(s.Link().URL, strings.TrimSuffix(s.URL(), "/"))
	first := newVisitor(t, s)
	status, _ := first.get(t, path, map[string]string{"Sec-Purpose": "prefetch"})
	require.Equal(t, http.StatusForbidden, status, "reading ahead doesn't spend it")
	status, _ = first.get(t, path, map[string]string{"Sec-Fetch-Site": "cross-site"})
	require.Equal(t, http.StatusOK, status, "wherever it was clicked")
	status, body := first.get(t, "/", nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "payments")

	thief := newVisitor(t, s)
	status, _ = thief.get(t, path, nil)
	require.Equal(t, http.StatusForbidden, status, "a link that was seen is worth nothing")
	status, _ = thief.get(t, "/", nil)
	require.Equal(t, http.StatusUnauthorized, status)

	at, err := url.Parse(s.URL())
	require.NoError(t, err)
	require.Len(t, first.Jar.Cookies(at), 1)
}

func TestTheSessionIsTheBrowsersAlone(t *testing.T) {
	s := start(t, quiet(t))
	res, err := http.Get(s.Link().URL)
	require.NoError(t, err)
	defer res.Body.Close()
	cookie := res.Header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Strict")
	require.NotContains(t, cookie, "Domain")
}

func TestOldLinksAndTooMany(t *testing.T) {
	s := start(t, quiet(t))
	oldest := s.Link()
	require.Less(t, time.Until(oldest.Expires), 11*time.Minute)
	for range 8 {
		s.Link()
	}
	res, err := http.Get(oldest.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusForbidden, res.StatusCode)
}

// TestAnotherName: DNS rebinding makes a foreign name lead here; the browser sends that name.
func TestAnotherName(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	for _, host := range []string{"evil.example", "evil.example:" + strings.Split(s.Address(), ":")[1], "localhost", "127.0.0.1", "127.0.0.1:1"} {
		for _, path := range []string{"/", "/live", "/static/page.js", "/api/secrets"} {
			status, body := b.get(t, path, map[string]string{"Host": host})
			require.Equal(t, http.StatusMisdirectedRequest, status, host+path)
			require.NotContains(t, body, "csrf")
		}
	}
	link := strings.TrimPrefix(s.Link().URL, strings.TrimSuffix(s.URL(), "/"))
	status, _ := b.get(t, link, map[string]string{"Host": "evil.example"})
	require.Equal(t, http.StatusMisdirectedRequest, status)
}

// TestAnotherPageAsks: a page of another site, or of another port of this machine, has the browser ask with our cookie.
func TestAnotherPageAsks(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	status, _ := b.post(t, "/api/attack", `{"id":"app.owner.document"}`, nil)
	require.Equal(t, http.StatusOK, status, "the page itself may")
	for name, header := range map[string]map[string]string{
		"another site":                {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"another port":                {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
		"an old browser's other site": {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		"no origin":                   {"Sec-Fetch-Site": "", "Origin": ""},
		"a sandbox":                   {"Origin": "null"},
		"no token":                    {"X-Redoubt-Csrf": ""},
		"a wrong token":               {"X-Redoubt-Csrf": b.csrf + "x"},
		"another's token":             {"X-Redoubt-Csrf": opened(t, s).csrf},
	} {
		status, _ := b.post(t, "/api/attack", `{"id":"app.owner.document"}`, header)
		require.Equal(t, http.StatusForbidden, status, name)
	}
	status, _ = b.post(t, "/api/attack", `{"id":"app.owner.document"}`, map[string]string{"Content-Type": "text/plain"})
	require.Equal(t, http.StatusUnsupportedMediaType, status, "a form of another page can send this")
	status, _ = b.get(t, "/api/secrets", map[string]string{"Sec-Fetch-Site": "same-site"})
	require.Equal(t, http.StatusForbidden, status, "nor may it read")
	status, _ = b.get(t, "/api/attack?id=x", nil)
	require.Equal(t, http.StatusOK, status)
	status, _ = b.get(t, "/api/off?id=x", nil)
	require.Equal(t, http.StatusNotFound, status, "a GET changes nothing")
}

func TestHeaders(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	for _, path := range []string{"/", "/api/secrets", "/static/page.js", "/nothing", "/open/x"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.URL(), "/")+path, nil)
		require.NoError(t, err)
		res, err := b.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		policy := res.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self'", "base-uri 'none'",
			"form-action 'self'", "frame-ancestors 'none'"} {
			require.Contains(t, policy, part, path)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
}

func TestVerbsTakeNoFlags(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	for path, body := range map[string]string{
		"/api/attack":  `{"id":"--dir=/tmp/other"}`,
		"/api/approve": `{"id":"-h"}`,
		"/api/trace":   `{"method":"GET","path":"http://elsewhere/","body":""}`,
		"/api/mode":    `{"id":"x","mode":"always"}`,
		"/api/off":     `{"id":"edge.scope","target":"payments"}`,
		"/api/undo":    `["x"]`,
	} {
		status, _ := b.post(t, path, body, nil)
		require.Equal(t, http.StatusBadRequest, status, path)
	}
	status, text := b.post(t, "/api/trace", `{"method":"POST","path":"/v1/documents","body":"{\"title\":\"--dir\"}"}`, nil)
	require.Equal(t, http.StatusOK, status)
	var a struct {
		Result struct {
			Args  []string
			Stdin string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &a))
	require.Equal(t, []string{"trace", "POST", "/v1/documents", "--body", "-"}, a.Result.Args)
	require.Equal(t, `{"title":"--dir"}`, a.Result.Stdin)
}

func TestEveryViewIsDrawn(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	_, first := b.get(t, "/", nil)
	for _, v := range []string{"/request", "/attacks", "/alerts", "/controls", "/threats", "/exercises", "/interviews", "/secrets"} {
		require.Contains(t, first, `<a href="`+v+`">`)
		status, body := b.get(t, v, nil)
		require.Equal(t, http.StatusOK, status, v)
		require.Contains(t, body, `aria-current="page"`, v)
		require.NotContains(t, body, "style=", "the policy forbids it")
		status, _ = b.get(t, "/static"+v+".js", nil)
		require.Equal(t, http.StatusOK, status, v)
	}
	require.Contains(t, first, `data-caller="ingestion" data-callee="payments"`)
}

func TestOneOrderAtATime(t *testing.T) {
	cfg := quiet(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	cfg.Run = func(context.Context, page.Call) page.Answer {
		close(begun)
		<-goOn
		return page.Answer{}
	}
	s := start(t, cfg)
	b := opened(t, s)
	first := make(chan int)
	go func() {
		status, _ := b.post(t, "/api/attack", `{"id":"x"}`, nil)
		first <- status
	}()
	<-begun
	status, text := b.post(t, "/api/on", `{"id":"x"}`, nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "attack run")
	close(goOn)
	require.Equal(t, http.StatusOK, <-first)
}

func TestLive(t *testing.T) {
	s := start(t, quiet(t))
	b := opened(t, s)
	var open []io.Closer
	for range 8 {
		res, err := b.Get(s.URL() + "live")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
		open = append(open, res.Body)
		if len(open) == 1 {
			var line [6]byte
			_, err := io.ReadFull(res.Body, line[:])
			require.NoError(t, err)
			require.Equal(t, "data: ", string(line[:]))
		}
	}
	status, _ := b.get(t, "/live", nil)
	require.Equal(t, http.StatusServiceUnavailable, status, "watchers are bounded")
	for _, c := range open {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool {
		res, err := b.Get(s.URL() + "live")
		require.NoError(t, err)
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK
	}, 10*time.Second, 50*time.Millisecond, "who leaves makes room")
}
