package cors_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/cors"
)

func TestNewRefuses(t *testing.T) {
	for _, origin := range []string{
		"*", "null", "", "https://*", "https://*.example.com", "app.example.com", "//app.example.com", "https://", "ftp://app.example.com",
		"http://app.example.com", "https://app.example.com/", "https://app.example.com/x", "https://App.example.com", "HTTPS://app.example.com",
		"https://a:b@app.example.com", "https://app.example.com:443", "http://localhost:80", "https://app.example.com?x", " https://app.example.com",
	} {
		_, err := cors.New([]string{"https://ok.example.com", origin})
		require.Error(t, err, origin)
	}
	_, err := cors.New([]string{"https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"})
	require.NoError(t, err)
}

func TestCheck(t *testing.T) {
	policy, err := cors.New([]string{"https://app.example.com"})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		origins []string
		want    cors.Verdict
	}{
		"null":              {[]string{"null"}, cors.Refused},
		"another":           {[]string{"https://evil.example.com"}, cors.Refused},
		"listed as prefix":  {[]string{"https://app.example.com.evil.example"}, cors.Refused},
		"another scheme":    {[]string{"http://app.example.com"}, cors.Refused},
		"another port":      {[]string{"https://app.example.com:8443"}, cors.Refused},
		"in capitals":       {[]string{"https://APP.example.com"}, cors.Refused},
		"empty":             {[]string{""}, cors.Refused},
		"two":               {[]string{"https://app.example.com", "https://app.example.com"}, cors.Refused},
		"listed":            {[]string{"https://app.example.com"}, cors.Pass},
		"no page's request": {nil, cors.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for _, o := range tc.origins {
				r.Header.Add("Origin", o)
			}
			h := http.Header{}
			require.Equal(t, tc.want, policy.Check(r, "GET", false, h))
			require.Equal(t, []string{"Origin"}, h.Values("Vary"))
			require.Empty(t, h.Get("Access-Control-Allow-Credentials"))
			if tc.want == cors.Refused || tc.origins == nil {
				require.Empty(t, h.Get("Access-Control-Allow-Origin"))
				return
			}
			require.Equal(t, "https://app.example.com", h.Get("Access-Control-Allow-Origin"))
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://app.example.com")
	require.Equal(t, cors.Refused, (*cors.Policy)(nil).Check(r, "GET", false, http.Header{}), "none is listed by default")
	r.Header.Set("Origin", "null")
	require.Equal(t, cors.Pass, (*cors.Policy)(nil).Check(r, "GET", true, http.Header{}), "off")
}

func TestPreflight(t *testing.T) {
	policy, err := cors.New([]string{"https://app.example.com"})
	require.NoError(t, err)
	r := httptest.NewRequest("OPTIONS", "/", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	h := http.Header{}
	require.Equal(t, cors.Preflight, policy.Check(r, "GET, POST", false, h))
	require.Equal(t, "GET, POST", h.Get("Access-Control-Allow-Methods"), "what the path has, not what was asked for")
	require.Contains(t, h.Get("Access-Control-Allow-Headers"), "Idempotency-Key")
	require.NotContains(t, h.Get("Access-Control-Allow-Headers"), "*")
	require.Equal(t, []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}, h.Values("Vary"))
	require.Equal(t, cors.Pass, policy.Check(r, "", false, http.Header{}), "no such path: that is somebody else's answer")
}
