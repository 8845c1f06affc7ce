package edge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/fault"
)

// fits holds a response against the contract, by kin-openapi's own validator: not the one that the gateway checks requests with.
func (g *gateway) fits(route string, r reply) {
	g.t.Helper()
	doc := describedAPI(g.t).Doc
	o := describedAPI(g.t).Operation(route)
	err := openapi3filter.ValidateResponse(g.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r.Request, Route: &routers.Route{
			Spec: doc, Path: o.Path, PathItem: doc.Paths.Value(o.Path), Method: o.Method, Operation: o.Doc}},
		Status: r.StatusCode, Header: r.Header, Body: io.NopCloser(strings.NewReader(r.Text)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	require.NoError(g.t, err, "%s: %d %s", route, r.StatusCode, r.Text)
}

// fitsSchema holds one JSON value against a schema of the contract.
func fitsSchema(t testing.TB, name, text string) {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	require.NoError(t, describedAPI(t).Doc.Components.Schemas[name].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()), text)
}

// TestResponsesFitTheContract: what a service answers, by the contract's own examples, comes through as the contract says; and
// so do the refusals.
func TestResponsesFitTheContract(t *testing.T) {
	var answer struct {
		status int
		body   any
	}
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		if answer.body == nil {
			w.WriteHeader(answer.status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		_ = json.NewEncoder(w).Encode(answer.body)
	})
	for _, o := range describedAPI(t).Sorted {
		if strings.HasPrefix(o.Path, "/v1/inferences") {
			continue // translated: below
		}
		token := g.Issuer.Token("alice", strings.Join(o.Scopes, " "))
		for status, response := range o.Doc.Responses.Map() {
			if !strings.HasPrefix(status, "2") {
				continue
			}
			answer.status, _ = strconv.Atoi(status)
			answer.body = nil
			for _, media := range response.Value.Content {
				for _, example := range media.Examples {
					answer.body = example.Value.Value
				}
				require.NotNil(t, answer.body, "%s: no example", o.Route)
			}
			r := g.sample(o.Route, token)
			require.Equal(t, answer.status, r.StatusCode, r.Text)
			g.fits(o.Route, r)
		}
		if len(o.Scopes) > 0 {
			g.fits(o.Route, g.sample(o.Route, ""))
			g.fits(o.Route, g.sample(o.Route, g.Issuer.Token("alice", "")))
		}
	}
}

func TestInferencesFitTheContract(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "inferences:create")
	g.Inference.unary = inferring(&inferencev1.InferResponse{Model: "langid", Version: "1", Charge: 3,
		Labels: []*inferencev1.Label{{Label: "de", Score: 0.75}}, Usage: &inferencev1.Usage{InputBytes: 9}})
	g.fits("POST /v1/inferences", g.sample("POST /v1/inferences", token))
	g.Inference.unary = inferring(&inferencev1.InferResponse{Model: "llm", Version: "1", Text: "Hallo"})
	g.fits("POST /v1/inferences", g.sample("POST /v1/inferences", token))

	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		_ = s.Send(piece("a"))
		_ = s.Send(finish())
		return nil
	}
	g.requireEvents("POST /v1/inferences:stream", token, "chunk", "done")
	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		_ = s.Send(piece("a"))
		return fault.ToStatus(fault.New(fault.Unavailable, "the model went away"))
	}
	g.requireEvents("POST /v1/inferences:stream", token, "chunk", "error")
}

// requireEvents reads a stream whose events, in their order, have the data that the contract says.
func (g *gateway) requireEvents(route, token string, names ...string) {
	g.t.Helper()
	r := g.sample(route, token)
	require.Equal(g.t, http.StatusOK, r.StatusCode, r.Text)
	events := strings.Split(strings.TrimSuffix(r.Text, "\n\n"), "\n\n")
	require.Len(g.t, events, len(names), r.Text)
	for i, name := range names {
		data, ok := strings.CutPrefix(events[i], "event: "+name+"\ndata: ")
		require.True(g.t, ok, events[i])
		fitsSchema(g.t, map[string]string{"chunk": "InferenceChunk", "done": "InferenceDone", "error": "Problem"}[name], data)
	}
}

func TestFitsIsACheck(t *testing.T) {
	doc := describedAPI(t).Doc
	var value any
	require.NoError(t, json.NewDecoder(bytes.NewBufferString(`{"type":"about:blank","title":"x","status":200,"stack":"main.go:1"}`)).Decode(&value))
	require.Error(t, doc.Components.Schemas["Problem"].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()))
}
