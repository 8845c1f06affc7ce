package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"
)

// contract is what the running gateway says of its API.
func (l *lab) contract(t testing.TB) *openapi3.T {
	t.Helper()
	got := l.must(t, "GET", "/openapi.yaml", "", nil)
	require.Equal(t, http.StatusOK, got.status)
	doc, err := openapi3.NewLoader().LoadFromData(got.body)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()))
	return doc
}

// fits holds a real response against the contract, path being the contract's.
func fits(t testing.TB, doc *openapi3.T, method, path string, got reply) {
	t.Helper()
	item := doc.Paths.Value(path)
	require.NotNil(t, item, path)
	req, err := http.NewRequestWithContext(context.Background(), method, "https://gateway"+path, nil)
	require.NoError(t, err)
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req,
			Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}},
		Status: got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	require.NoError(t, err, "%s %s: %d %s", method, path, got.status, got.body)
}

// TestContract asks the running platform for each operation of its contract, and holds each answer against it.
func TestContract(t *testing.T) {
	t.Parallel()
	l := up(t)
	doc := l.contract(t)
	alice, carol := l.token(t, "alice"), l.token(t, "carol")
	unique := fmt.Sprint(time.Now().UnixNano())
	asked := map[string]bool{}
	ask := func(status int, method, path, at, token string, body any, header ...string) reply {
		t.Helper()
		asked[method+" "+path] = true
		got := l.must(t, method, at, token, body, header...)
		require.Equal(t, status, got.status, "%s %s: %s", method, path, got.body)
		fits(t, doc, method, path, got)
		return got
	}
	var created struct{ ID, Name string }

	ask(201, "POST", "/v1/documents", "/v1/documents", alice, sample, "Idempotency-Key", unique).into(t, &created)
	ask(200, "GET", "/v1/documents/{id}", "/v1/documents/"+created.ID, alice, nil)
	ask(404, "GET", "/v1/documents/{id}", "/v1/documents/01890a5d-ac96-774b-bcce-b302099a8057", alice, nil)
	ask(200, "POST", "/v1/documents:batch", "/v1/documents:batch", alice, map[string]any{"documents": []any{sample, sample}})
	ask(200, "GET", "/v1/documents", "/v1/documents?limit=1", alice, nil)
	question := map[string]string{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}
	ask(200, "POST", "/v1/inferences", "/v1/inferences", alice, question)
	ask(404, "POST", "/v1/inferences", "/v1/inferences", alice, map[string]string{"model": "no-such-model", "input": "x"})
	asked["POST /v1/inferences:stream"] = true
	stream := l.must(t, "POST", "/v1/inferences:stream", alice, question)
	for event := range strings.SplitSeq(strings.TrimSpace(string(stream.body)), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		require.True(t, ok, event)
		var value any
		reply{body: []byte(data)}.into(t, &value)
		schema := doc.Components.Schemas[map[string]string{"chunk": "InferenceChunk", "done": "InferenceDone"}[name]]
		require.NoError(t, schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020()), event)
	}
	ask(200, "PUT", "/v1/account/payment-reference", "/v1/account/payment-reference", alice, map[string]string{"reference": "DE89 3704 0044 0532 0130 00"})
	ask(200, "GET", "/v1/account", "/v1/account", alice, nil)
	old := ask(200, "GET", "/v1/balance", "/v1/balance", alice, nil)
	require.NotEmpty(t, old.header.Get("Deprecation"))
	require.NotEmpty(t, old.header.Get("Sunset"))
	ask(200, "GET", "/v1/account/transfers", "/v1/account/transfers?limit=100", alice, nil)
	ask(201, "POST", "/v1/transfers", "/v1/transfers", carol, map[string]any{"to": "alice", "amount": 7, "memo": "x"}, "Idempotency-Key", unique).into(t, &created)
	ask(201, "POST", "/v1/transfers/{id}/refund", "/v1/transfers/"+created.ID+"/refund", carol, nil)
	ask(409, "POST", "/v1/transfers/{id}/refund", "/v1/transfers/"+created.ID+"/refund", carol, nil)
	ask(200, "PUT", "/v1/accounts/{owner}/state", "/v1/accounts/bob/state", carol, map[string]string{"state": "active"})
	ask(200, "GET", "/v1/inbox", "/v1/inbox", alice, nil)
	ask(201, "POST", "/v1/webhook-endpoints", "/v1/webhook-endpoints", alice, map[string]any{"url": "https://hooks.example.com/x", "events": []string{"*"}}).into(t, &created)
	ask(422, "POST", "/v1/webhook-endpoints", "/v1/webhook-endpoints", alice, map[string]any{"url": "http://127.0.0.1/", "events": []string{"*"}})
	ask(200, "GET", "/v1/webhook-endpoints", "/v1/webhook-endpoints", alice, nil)
	ask(204, "DELETE", "/v1/webhook-endpoints/{id}", "/v1/webhook-endpoints/"+created.ID, alice, nil)
	ask(201, "POST", "/v1/webhook-sources", "/v1/webhook-sources", carol, map[string]string{"name": "s" + unique}).into(t, &created)
	ask(401, "POST", "/v1/webhooks/{source}", "/v1/webhooks/"+created.Name, "", map[string]any{"type": "a", "data": map[string]any{}},
		"Webhook-Id", "m", "Webhook-Timestamp", "1", "Webhook-Signature", "v1,x")
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			require.True(t, asked[method+" "+path], "%s %s was never asked for", method, path)
		}
	}
	require.Equal(t, http.StatusGone, l.must(t, "GET", "/v0/documents", alice, nil).status)
	require.Equal(t, http.StatusOK, l.must(t, "GET", "/docs", "", nil).status)
}
