package headers_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/headers"
)

func TestInwardDropsWhatIsNotListed(t *testing.T) {
	for name, worthARecord := range map[string]bool{
		"Txn-Token": true, "X-Request-Id": true, "Forwarded": true, "Via": true,
		"X-Real-Ip": true, "X-Forwarded-For": true, "X-Forwarded-Client-Cert": true, "X-Forwarded-Host": true,
		"X-Consul-Token": true, "X-Vault-Token": true, "X-Redoubt-Principal": true, "X-Envoy-Original-Path": true,
		"Authorization": false, "Cookie": false, "Connection": false, "Transfer-Encoding": false, "Te": false, "Upgrade": false,
		"Keep-Alive": false, "Proxy-Authorization": false, "Host": false, "User-Agent": false, "X-Is-Internal": false,
		"Traceparent": false, "Tracestate": false, // a good client's, too: linked by the access log and the trace, and not passed on
		"X-Http-Method-Override": false, "X-Original-Url": false, "Trailer": false, "Expect": false, "Content-Length": false,
	} {
		t.Run(name, func(t *testing.T) {
			out, dropped := headers.Inward(http.Header{name: {"1"}})
			require.Empty(t, out)
			require.Equal(t, worthARecord, len(dropped) == 1)
		})
	}
}

func TestInwardPassesWhatIsListed(t *testing.T) {
	in := http.Header{"Accept": {"a", "b"}, "Content-Type": {"application/json"}, "Idempotency-Key": {"k"}, "Webhook-Signature": {"v1,x"}}
	out, dropped := headers.Inward(in)
	require.Equal(t, in, out)
	require.Empty(t, dropped)
}

func TestOutwardLocation(t *testing.T) {
	for location, passes := range map[string]bool{
		"http://10.0.0.7/v1/x": false, "https://elsewhere.invalid/": false, "//elsewhere.invalid/": false, `/\elsewhere.invalid/`: false,
		"javascript:alert(1)": false, "v1/x": false, "": false, "/v1/documents/1": true,
	} {
		to := http.Header{}
		headers.Outward(to, http.Header{"Location": {location}})
		require.Equal(t, passes, to.Get("Location") != "", location)
	}
}

func TestOutwardDropsWhatIsNotListed(t *testing.T) {
	to := http.Header{}
	headers.Outward(to, http.Header{"Server": {"x"}, "Set-Cookie": {"x"}, "Txn-Token": {"x"}, "Www-Authenticate": {"x"}, "X-Powered-By": {"x"},
		"Connection": {"x"}, "Transfer-Encoding": {"x"}, "Access-Control-Allow-Origin": {"*"}, "Strict-Transport-Security": {"max-age=0"},
		"Etag": {`"1"`}, "Retry-After": {"1"}})
	require.Equal(t, http.Header{"Etag": {`"1"`}, "Retry-After": {"1"}}, to)
}
