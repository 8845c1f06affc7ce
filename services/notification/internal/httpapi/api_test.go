package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const created = `{"kind":"document.created","subject":"A title","data":{"charge":1}}`

func TestRefuses(t *testing.T) {
	s := serve(t)
	hers := s.want(201, endpoint("dora", "https://hooks.example.com/dora", "*"))["id"].(string)
	remove := func(user, id string) call {
		return call{caller: "gateway", user: user, scope: "webhooks:write", method: "DELETE", path: "/v1/webhook-endpoints/" + id}
	}
	for name, tc := range map[string]struct {
		status int
		call   call
	}{
		"an unlisted caller":         {403, func() call { c := notify("dora", created); c.caller = "payments"; return c }()},
		"the gateway sends":          {403, func() call { c := notify("dora", created); c.caller = "gateway"; return c }()},
		"no user":                    {401, notify("", created)},
		"for somebody else":          {403, notify("dora", `{"recipient":"erik","kind":"a","subject":"b"}`)},
		"an unknown field":           {400, notify("dora", `{"kind":"a","subject":"b","url":"c"}`)},
		"no kind":                    {422, notify("dora", `{"subject":"b"}`)},
		"a kind with spaces":         {422, notify("dora", `{"kind":"a b","subject":"b"}`)},
		"no subject":                 {422, notify("dora", `{"kind":"a"}`)},
		"two lines":                  {422, notify("dora", `{"kind":"a","subject":"b\nc"}`)},
		"a zero byte":                {422, notify("dora", `{"kind":"a","subject":"\u0000"}`)},
		"data that is no object":     {422, notify("dora", `{"kind":"a","subject":"b","data":[1]}`)},
		"too much data":              {413, notify("dora", `{"kind":"a","subject":"b","data":{"x":"`+strings.Repeat("x", 33<<10)+`"}}`)},
		"a body without end":         {413, notify("dora", `{"subject":"`+strings.Repeat("x", 40<<10))},
		"the inbox, by ingestion":    {403, func() call { c := inbox("dora", ""); c.caller = "ingestion"; return c }()},
		"the inbox without scope":    {403, func() call { c := inbox("dora", ""); c.scope = "account:read"; return c }()},
		"a page of 101":              {400, inbox("dora", "?limit=101")},
		"a cursor made up":           {400, inbox("dora", "?cursor=x")},
		"a loopback target":          {422, endpoint("dora", "http://127.0.0.1:8500/v1/agent", "*")},
		"the metadata service":       {422, endpoint("dora", "http://169.254.169.254/latest/", "*")},
		"a decimal address":          {422, endpoint("dora", "http://2130706433/", "*")},
		"a mapped address":           {422, endpoint("dora", "http://[::ffff:127.0.0.1]/", "*")},
		"a target by another scheme": {422, endpoint("dora", "file:///etc/passwd", "*")},
		"no events":                  {422, endpoint("dora", "https://hooks.example.com/")},
		"events that are no kinds":   {422, endpoint("dora", "https://hooks.example.com/", "DROP TABLE")},
		"somebody else's endpoint":   {404, remove("erik", hers)},
		"an endpoint that isn't":     {404, remove("dora", uuid.NewString())},
		"an ID that is none":         {404, remove("dora", "1")},
		"an ID in another spelling":  {404, remove("dora", strings.ToUpper(hers))},
		"a source by a customer":     {403, func() call { c := source("bank"); c.user, c.scope = "dora", "webhooks:write"; return c }()},
		"a source that is a path":    {422, source("../bank")},
	} {
		t.Run(name, func(t *testing.T) {
			s := service{s.Harness, t, s.owner}
			problem := s.want(tc.status, tc.call)
			require.Equal(t, float64(tc.status), problem["status"])
		})
	}
	require.NotEmpty(t, s.Logged(`"control":"app.webhook.ssrf"`, `"decision":"deny"`, "loopback"))
	require.NotEmpty(t, s.Logged(`"control":"app.policy.owner"`, `"decision":"deny"`))
	list := s.want(200, call{caller: "gateway", user: "dora", scope: "webhooks:write", method: "GET", path: "/v1/webhook-endpoints"})
	require.Len(t, list["endpoints"], 1, "hers is still there")
	require.Empty(t, s.want(200, inbox("dora", ""))["messages"])
}

func TestInboxIsOnesOwn(t *testing.T) {
	s := serve(t)
	for range 5 {
		s.want(202, notify("fay", created))
	}
	s.want(202, notify("gus", `{"recipient":"gus","kind":"a","subject":"`+strings.Repeat("ä", 200)+`","data":{"nul":"\u0000"}}`))
	var seen []string
	for query := "?limit=2"; query != ""; {
		page := s.want(200, inbox("fay", query))
		for _, m := range page["messages"].([]any) {
			m := m.(map[string]any)
			require.Equal(t, "A title", m["subject"])
			require.Equal(t, map[string]any{"charge": 1.0}, m["data"])
			seen = append(seen, m["id"].(string))
		}
		query = ""
		if next, ok := page["next"].(string); ok {
			query = "?limit=2&cursor=" + next
			others := s.want(200, inbox("gus", query))["messages"].([]any)
			require.LessOrEqual(t, len(others), 1, "a cursor opens nobody else's inbox")
		}
	}
	require.Len(t, seen, 5)
	require.IsDecreasing(t, seen)
	require.Len(t, s.want(200, inbox("gus", ""))["messages"], 1)
}

func TestEndpoints(t *testing.T) {
	s := serve(t)
	status, made, header := s.do(endpoint("hal", "https://hooks.example.com/x?y=z", "document.created", "a", "a"))
	require.Equal(t, 201, status)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.Equal(t, "/v1/webhook-endpoints/"+made["id"].(string), header.Get("Location"))
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, made["secret"])
	require.Equal(t, []any{"a", "document.created"}, made["events"])

	list := call{caller: "gateway", user: "hal", scope: "webhooks:write", method: "GET", path: "/v1/webhook-endpoints"}
	shown := s.want(200, list)["endpoints"].([]any)[0].(map[string]any)
	require.NotContains(t, shown, "secret", "it is shown once")
	require.Equal(t, made["url"], shown["url"])

	var sealed string
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT sealed FROM endpoints WHERE id = $1`, made["id"]).Scan(&sealed))
	require.True(t, strings.HasPrefix(sealed, "vault:v1:"))
	require.Empty(t, s.Logged(strings.TrimPrefix(made["secret"].(string), "whsec_")))

	for range 4 {
		s.want(201, endpoint("hal", "https://hooks.example.com/", "*"))
	}
	s.want(409, endpoint("hal", "https://hooks.example.com/", "*"))
	remove := call{caller: "gateway", user: "hal", scope: "webhooks:write", method: "DELETE", path: "/v1/webhook-endpoints/" + made["id"].(string)}
	s.want(204, remove)
	s.want(404, remove)
	s.want(201, endpoint("hal", "https://hooks.example.com/", "*"))
}
