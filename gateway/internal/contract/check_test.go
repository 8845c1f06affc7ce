package contract_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/contract"
)

const (
	id    = "01890a5d-ac96-774b-bcce-b302099a8057"
	draft = `{"title":"Minutes","text":"The board agreed."}`
)

type try struct {
	route, query, body string
	header             []string          // key, value
	path               map[string]string // nil: a good ID
}

func (tr try) check(c *contract.Contract) (any, error) {
	header := http.Header{}
	if tr.body != "" {
		header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(tr.header); i += 2 {
		if tr.header[i+1] == "" {
			header.Del(tr.header[i])
			continue
		}
		header.Add(tr.header[i], tr.header[i+1])
	}
	path := func(name string) string {
		if tr.path == nil {
			return map[string]string{"id": id, "source": "builds", "owner": "alice"}[name]
		}
		return tr.path[name]
	}
	return c.Operation(tr.route).Check(contract.Request{Path: path, Query: tr.query, Header: header, Body: []byte(tr.body)})
}

func TestRefusals(t *testing.T) {
	c := load(t)
	const credit = `{"to":"alice","amount":1}`
	signed := []string{"Webhook-Id", "msg_1", "Webhook-Timestamp", "1700000000", "Webhook-Signature", "v1,abc="}
	for name, tc := range map[string]struct {
		try
		in, detail string
	}{
		"ID that is none":            {try{route: "GET /v1/documents/{id}", path: map[string]string{"id": "doc-1"}}, "path", "the path parameter id"},
		"ID in capitals":             {try{route: "GET /v1/documents/{id}", path: map[string]string{"id": strings.ToUpper(id)}}, "path", "the path parameter id"},
		"ID in another form":         {try{route: "GET /v1/documents/{id}", path: map[string]string{"id": "urn:uuid:" + id}}, "path", "the path parameter id"},
		"source in capitals":         {try{route: "POST /v1/webhooks/{source}", path: map[string]string{"source": "Builds"}, header: signed}, "path", "source"},
		"unknown query parameter":    {try{route: "GET /v1/documents", query: "limit=5&owner=bob"}, "query", `unknown query parameter "owner"`},
		"query where none is":        {try{route: "GET /v1/account", query: "debug=1"}, "query", `unknown query parameter "debug"`},
		"query on a POST":            {try{route: "POST /v1/documents", query: "a=1", body: draft}, "query", "unknown query parameter"},
		"query parameter twice":      {try{route: "GET /v1/documents", query: "limit=5&limit=6"}, "query", "more than once"},
		"malformed query":            {try{route: "GET /v1/documents", query: "limit=%zz"}, "query", "malformed"},
		"semicolon":                  {try{route: "GET /v1/documents", query: "limit=5;cursor=a"}, "query", "malformed"},
		"limit 0":                    {try{route: "GET /v1/documents", query: "limit=0"}, "query", "must be at least 1"},
		"limit 101":                  {try{route: "GET /v1/documents", query: "limit=101"}, "query", "must be at most 100"},
		"limit no number":            {try{route: "GET /v1/documents", query: "limit=ten"}, "query", "whole number"},
		"limit empty":                {try{route: "GET /v1/documents", query: "limit="}, "query", "whole number"},
		"limit in another spelling":  {try{route: "GET /v1/documents", query: "limit=%2B5"}, "query", "whole number"},
		"limit beyond 64 bits":       {try{route: "GET /v1/documents", query: "limit=99999999999999999999"}, "query", "whole number"},
		"cursor with other letters":  {try{route: "GET /v1/documents", query: "cursor=a'b"}, "query", "must match"},
		"cursor far too long":        {try{route: "GET /v1/documents", query: "cursor=" + strings.Repeat("a", 513)}, "query", "must have at most 512"},
		"key is missing":             {try{route: "POST /v1/transfers", body: credit}, "header", "Idempotency-Key is missing"},
		"key twice":                  {try{route: "POST /v1/transfers", body: credit, header: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}}, "header", "more than once"},
		"key with a comma":           {try{route: "POST /v1/transfers", body: credit, header: []string{"Idempotency-Key", "a,b"}}, "header", "must match"},
		"key of 129 characters":      {try{route: "POST /v1/transfers", body: credit, header: []string{"Idempotency-Key", strings.Repeat("k", 129)}}, "header", "must match"},
		"key with one quote":         {try{route: "POST /v1/transfers", body: credit, header: []string{"Idempotency-Key", `"a`}}, "header", "must match"},
		"optional key, malformed":    {try{route: "POST /v1/documents", body: draft, header: []string{"Idempotency-Key", "a b"}}, "header", "must match"},
		"webhook unsigned":           {try{route: "POST /v1/webhooks/{source}", body: `{"type":"a","data":{}}`, header: signed[:4]}, "header", "Webhook-Signature is missing"},
		"webhook, timestamp no time": {try{route: "POST /v1/webhooks/{source}", body: `{"type":"a","data":{}}`, header: append([]string{"Webhook-Timestamp", "soon"}, signed[:2]...)}, "header", "Webhook-Timestamp must match"},
		"body on GET":                {try{route: "GET /v1/documents", body: `{}`}, "body", "takes no body"},
		"body on DELETE":             {try{route: "DELETE /v1/webhook-endpoints/{id}", body: `{}`}, "body", "takes no body"},
		"no body":                    {try{route: "POST /v1/documents"}, "body", "the body is missing"},
		"no content type":            {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", ""}}, "media", "application/json"},
		"form":                       {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "application/x-www-form-urlencoded"}}, "media", "application/json"},
		"text/plain":                 {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "text/plain"}}, "media", "application/json"},
		"JSON's cousin":              {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "application/json-patch+json"}}, "media", "application/json"},
		"another charset":            {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "application/json; charset=utf-7"}}, "media", "application/json"},
		"another parameter":          {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "application/json; boundary=x"}}, "media", "application/json"},
		"two content types":          {try{route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "text/plain"}}, "media", "application/json"},
		"not JSON":                   {try{route: "POST /v1/documents", body: `{"title":`}, "body", "not JSON"},
		"two values":                 {try{route: "POST /v1/documents", body: draft + draft}, "body", "more than one value"},
		"a name twice":               {try{route: "POST /v1/documents", body: `{"title":"a","title":"b","text":"c"}`}, "body", "given twice"},
		"very deep":                  {try{route: "POST /v1/webhooks/{source}", header: signed, body: `{"type":"a","data":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`}, "body", "nested more than"},
		"U+0000":                     {try{route: "POST /v1/documents", body: `{"title":"a","text":"a\u0000b"}`}, "body", "U+0000"},
		"not an object":              {try{route: "POST /v1/documents", body: `[]`}, "body", "must be of type object, not array"},
		"null":                       {try{route: "POST /v1/documents", body: `null`}, "body", "must be of type object, not null"},
		"unknown field":              {try{route: "POST /v1/documents", body: `{"title":"a","text":"b","owner":"bob"}`}, "body", `unknown field "owner"`},
		"a field in other letters":   {try{route: "POST /v1/documents", body: `{"title":"a","text":"b","Title":"c"}`}, "body", `unknown field "Title"`},
		"unknown field, deep":        {try{route: "POST /v1/documents:batch", body: `{"documents":[` + draft + `,{"title":"a","text":"b","owner":"bob"}]}`}, "body", `at "/documents/1" has the unknown field "owner"`},
		"field missing":              {try{route: "POST /v1/documents", body: `{"title":"a"}`}, "body", `lacks "text"`},
		"field null":                 {try{route: "POST /v1/documents", body: `{"title":"a","text":null}`}, "body", `at "/text" must be of type string, not null`},
		"wrong type":                 {try{route: "POST /v1/documents", body: `{"title":7,"text":"b"}`}, "body", `at "/title" must be of type string, not`},
		"title of two lines":         {try{route: "POST /v1/documents", body: `{"title":"a\nb","text":"c"}`}, "body", `at "/title" must match`},
		"title too long":             {try{route: "POST /v1/documents", body: fmt.Sprintf(`{"title":%q,"text":"c"}`, strings.Repeat("a", 201))}, "body", "at most 200"},
		"title of a megabyte":        {try{route: "POST /v1/documents", body: fmt.Sprintf(`{"title":%q,"text":"c"}`, strings.Repeat("a", 1<<20))}, "body", "at most 200"},
		"text too long":              {try{route: "POST /v1/documents", body: fmt.Sprintf(`{"title":"a","text":%q}`, strings.Repeat("a", 262145))}, "body", "at most 262144"},
		"metadata that isn't text":   {try{route: "POST /v1/documents", body: `{"title":"a","text":"c","metadata":{"a":{}}}`}, "body", `at "/metadata/a" must be of type string`},
		"metadata's name":            {try{route: "POST /v1/documents", body: `{"title":"a","text":"c","metadata":{"":"x"}}`}, "body", `a field's name in the body must have at least 1`},
		"batch of none":              {try{route: "POST /v1/documents:batch", body: `{"documents":[]}`}, "body", "at least 1"},
		"batch of 21":                {try{route: "POST /v1/documents:batch", body: `{"documents":[` + strings.Repeat(draft+",", 20) + draft + `]}`}, "body", "at most 20"},
		"amount 0":                   {try{route: "POST /v1/transfers", body: `{"to":"alice","amount":0}`, header: []string{"Idempotency-Key", "k"}}, "body", "at least 1"},
		"amount of half a credit":    {try{route: "POST /v1/transfers", body: `{"to":"alice","amount":0.5}`, header: []string{"Idempotency-Key", "k"}}, "body", "must be of type integer"},
		"amount as text":             {try{route: "POST /v1/transfers", body: `{"to":"alice","amount":"1"}`, header: []string{"Idempotency-Key", "k"}}, "body", "must be of type integer"},
		"amount huge":                {try{route: "POST /v1/transfers", body: `{"to":"alice","amount":1e308}`, header: []string{"Idempotency-Key", "k"}}, "body", "at most 1000000"},
		"state unheard of":           {try{route: "PUT /v1/accounts/{owner}/state", body: `{"state":"rich"}`}, "body", "must be one of"},
		"refund with a field":        {try{route: "POST /v1/transfers/{id}/refund", body: `{"amount":1}`}, "body", "unknown field"},
		"event unheard of":           {try{route: "POST /v1/webhook-endpoints", body: `{"url":"https://a.example","events":["A B"]}`}, "body", "must match"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.check(c)
			var v *contract.Violation
			require.ErrorAs(t, err, &v)
			require.Equal(t, tc.in, v.In, v.Detail)
			require.Contains(t, v.Detail, tc.detail)
			require.NotEmpty(t, v.Rule)
			require.NotContains(t, v.Rule, "bob")
			require.Less(t, len(v.Detail), 400)
		})
	}
}

func TestAccepts(t *testing.T) {
	c := load(t)
	for name, tr := range map[string]try{
		"charset":          {route: "POST /v1/documents", body: draft, header: []string{"Content-Type", "", "Content-Type", "application/json; charset=UTF-8"}},
		"quoted key":       {route: "POST /v1/documents", body: draft, header: []string{"Idempotency-Key", `"k-1"`}},
		"refund, no body":  {route: "POST /v1/transfers/{id}/refund"},
		"refund, {}":       {route: "POST /v1/transfers/{id}/refund", body: `{}`},
		"paging":           {route: "GET /v1/documents", query: "limit=100&cursor=abc_-"},
		"control in text":  {route: "POST /v1/documents", body: `{"title":"a","text":"a\nb\u0007"}`},
		"sender's fields":  {route: "POST /v1/webhooks/{source}", body: `{"type":"a","data":{"x":[1.5,null]},"more":true}`, header: []string{"Webhook-Id", "m", "Webhook-Timestamp", "1", "Webhook-Signature", "v1,a v1,b"}},
		"longest title":    {route: "POST /v1/documents", body: fmt.Sprintf(`{"title":%q,"text":"c"}`, strings.Repeat("\u00fc", 200))},
		"type on no body":  {route: "GET /v1/account", header: []string{"Content-Type", "application/json"}},
		"longest text":     {route: "POST /v1/documents", body: fmt.Sprintf(`{"title":"a","text":%q}`, strings.Repeat("a", 262144))},
		"any kind of mail": {route: "POST /v1/webhook-endpoints", body: `{"url":"https://a.example","events":["*"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tr.check(c)
			require.NoError(t, err)
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	c := load(b)
	for name, tr := range map[string]try{
		"GET":   {route: "GET /v1/documents", query: "limit=5"},
		"1KB":   {route: "POST /v1/documents", body: fmt.Sprintf(`{"title":"Minutes","text":%q,"metadata":{"origin":"board"}}`, strings.Repeat("Guten Tag, ", 93))},
		"256KB": {route: "POST /v1/documents", body: fmt.Sprintf(`{"title":"Minutes","text":%q,"metadata":{"origin":"board"}}`, strings.Repeat("Guten Tag, ", 23800))},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.check(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLibrary is the same body by kin-openapi's own validation of OpenAPI 3.1, which compiles the schema each time: why ours
// are compiled at start.
func BenchmarkLibrary(b *testing.B) {
	c := load(b)
	body := map[string]any{"title": "Minutes", "text": strings.Repeat("Guten Tag, ", 93), "metadata": map[string]any{"origin": "board"}}
	schema := c.Doc.Components.Schemas["DocumentDraft"].Value
	b.ReportAllocs()
	for b.Loop() {
		if err := schema.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
			b.Fatal(err)
		}
	}
}
