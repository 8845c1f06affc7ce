package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRefuses(t *testing.T) {
	s := serve(t, 100, nil)
	hers := "/v1/documents/" + s.want(201, post("refuses", "Guten Tag"))["id"].(string)
	batch := func(body string) func(*call) {
		return func(c *call) { c.path, c.body = "/v1/documents:batch", body }
	}
	for name, tc := range map[string]struct {
		status int
		change func(*call)
	}{
		"a caller that isn't listed":  {403, func(c *call) { c.caller = "notification" }},
		"no user":                     {401, func(c *call) { c.user = "" }},
		"a scope to read":             {403, func(c *call) { c.scope = "documents:read" }},
		"no title":                    {400, func(c *call) { c.body = `{"text":"x"}` }},
		"no text":                     {400, func(c *call) { c.body = `{"title":"x"}` }},
		"an unknown field":            {400, func(c *call) { c.body = `{"title":"x","text":"x","owner":"bob"}` }},
		"metadata that isn't text":    {400, func(c *call) { c.body = `{"title":"x","text":"x","metadata":{"a":1}}` }},
		"a zero byte":                 {400, func(c *call) { c.body = `{"title":"x","text":"\u0000"}` }},
		"not UTF-8":                   {400, func(c *call) { c.body = "{\"title\":\"x\",\"text\":\"\xff\"}" }},
		"two documents":               {400, func(c *call) { c.body += c.body }},
		"too long a text":             {400, func(c *call) { c.body = `{"title":"x","text":"` + strings.Repeat("x", 256<<10+1) + `"}` }},
		"a body of more than 1 MiB":   {413, func(c *call) { c.body = `{"title":"` + strings.Repeat("x", 1<<20) + `"}` }},
		"a malformed key":             {400, func(c *call) { c.key = "a b" }},
		"somebody else's document":    {404, func(c *call) { *c = get("mallory", hers) }},
		"one that isn't":              {404, func(c *call) { *c = get("refuses", "/v1/documents/"+uuid.NewString()) }},
		"an ID that is none":          {404, func(c *call) { *c = get("refuses", "/v1/documents/1") }},
		"a page of none":              {400, func(c *call) { *c = get("refuses", "/v1/documents?limit=0") }},
		"a page of 101":               {400, func(c *call) { *c = get("refuses", "/v1/documents?limit=101") }},
		"a cursor made up":            {400, func(c *call) { *c = get("refuses", "/v1/documents?cursor=x") }},
		"a batch of none":             {400, batch(`{"documents":[]}`)},
		"a batch of 21":               {400, batch(`{"documents":[1` + strings.Repeat(",1", 20) + `]}`)},
		"a batch with something else": {400, batch(`{"documents":[{}],"atomic":true}`)},
		"what inference refuses":      {400, func(c *call) { *c = post("refuses", "fail") }},
		"more than the user can pay":  {402, func(c *call) { *c = post("refuses", strings.Repeat("x", 100<<10)) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := post("refuses", "Guten Tag")
			tc.change(&c)
			s := s
			s.t = t
			require.Equal(t, float64(tc.status), s.want(tc.status, c)["status"])
		})
	}
	require.Len(t, s.want(200, get("refuses", "/v1/documents"))["documents"], 1)
	require.Equal(t, map[string]int{"captured": 1, "voided": 1}, s.payments.count(), "what was refused cost nothing")
}

func TestDocuments(t *testing.T) {
	s := serve(t, 100, nil)
	status, header, made := s.do(post("anna", strings.Repeat("x", 1025)))
	require.Equal(t, 201, status)
	require.Equal(t, "/v1/documents/"+made["id"].(string), header.Get("Location"))
	require.Equal(t, "de", made["language"])
	require.Equal(t, 2.0, made["charge"])
	_, err := time.Parse(time.RFC3339, made["created_at"].(string))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(made["created_at"].(string), "Z"))

	whole := s.want(200, get("anna", header.Get("Location")))
	require.Equal(t, strings.Repeat("x", 1025), whole["text"])
	require.Equal(t, map[string]any{"from": "me"}, whole["metadata"])

	want := []string{made["id"].(string)}
	for range 6 {
		want = append([]string{s.want(201, post("anna", "Hallo"))["id"].(string)}, want...)
	}
	var got []string
	for path := "/v1/documents?limit=3"; path != ""; {
		page := s.want(200, get("anna", path))
		for _, d := range page["documents"].([]any) {
			require.NotContains(t, d, "text")
			got = append(got, d.(map[string]any)["id"].(string))
		}
		path = ""
		if next, ok := page["next"]; ok {
			path = "/v1/documents?limit=3&cursor=" + next.(string)
		}
	}
	require.Equal(t, want, got)
	require.Empty(t, s.want(200, get("bert", "/v1/documents"))["documents"])

	s.intake.Close()
	require.Len(t, s.notification.messages, 7)
	require.Equal(t, "document.created", s.notification.messages[0]["kind"])
}

func TestBatch(t *testing.T) {
	s := serve(t, 10, nil)
	c := post("batcher", "")
	c.path, c.key = "/v1/documents:batch", "batch"
	c.body = `{"documents":[{"title":"a","text":"x"},{"title":"b","text":"fail"},{"title":"c"},{"title":"d","text":"x","x":1},{"title":"e","text":"y"}]}`
	statuses := func(answer map[string]any) (list []float64) {
		for _, r := range answer["results"].([]any) {
			if p, ok := r.(map[string]any)["problem"].(map[string]any); ok {
				list = append(list, p["status"].(float64))
			} else {
				list = append(list, 201)
			}
		}
		return list
	}
	first := s.want(200, c)
	require.Equal(t, []float64{201, 400, 400, 400, 201}, statuses(first))
	again := s.want(200, c)
	require.Equal(t, statuses(first), statuses(again))
	require.Equal(t, 2, s.payments.count()["captured"], "the same key: nothing is charged again")
	require.Len(t, s.want(200, get("batcher", "/v1/documents"))["documents"], 2)
}
