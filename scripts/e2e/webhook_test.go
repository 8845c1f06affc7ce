package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is a customer's webhook server on loopback.
type receiver struct {
	server   *httptest.Server
	received chan delivery
}

type delivery struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{received: make(chan delivery, 100)}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, err := io.ReadAll(req.Body)
		if err == nil {
			r.received <- delivery{req.Header, string(raw)}
		}
	}))
	t.Cleanup(r.server.Close)
	return r
}

// address is the receiver's as it stands in its URL.
func (r *receiver) address() string { return strings.TrimPrefix(r.server.URL, "http://") }

// testWebhook: a document's owner is told by a signed webhook, at a target that the lab was told to allow, and
// loopback is no target otherwise.
func testWebhook(t *testing.T, l *lab, r *receiver) {
	alice := l.token(t, "alice")
	inner := map[string]any{"url": l.status.GatewayURL + "/v1/account", "events": []string{"document.created"}}
	require.Equal(t, http.StatusUnprocessableEntity, l.must(t, "POST", "/v1/webhook-endpoints", alice, inner).status, "a way into the platform")

	created := l.must(t, "POST", "/v1/webhook-endpoints", alice, map[string]any{"url": r.server.URL, "events": []string{"document.created"}})
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	var endpoint struct{ ID, Secret string }
	created.into(t, &endpoint)
	defer l.must(t, "DELETE", "/v1/webhook-endpoints/"+endpoint.ID, alice, nil)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(endpoint.Secret, "whsec_"))
	require.NoError(t, err)

	var doc document
	l.must(t, "POST", "/v1/documents", alice, sample).into(t, &doc)
	select {
	case got := <-r.received:
		require.Contains(t, got.body, doc.ID)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(got.header.Get("webhook-id") + "." + got.header.Get("webhook-timestamp") + "." + got.body))
		require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), got.header.Get("webhook-signature"))
	case <-time.After(10 * time.Second):
		require.Fail(t, "no webhook within 10 s")
	}
}
