package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func setState(of, to string) call {
	return call{caller: "gateway", user: "carol", scope: "accounts:admin", method: "PUT",
		path: "/v1/accounts/" + of + "/state", body: `{"state":"` + to + `"}`}
}

// TestAccountState: the policy decides by an account's state, before the schema has to; the problem is one of its own.
func TestAccountState(t *testing.T) {
	s := serve(t)
	for name, tc := range map[string]struct {
		status int
		change func(*call)
	}{
		"by a customer":        {403, func(c *call) { c.user, c.scope = "fay", "account:write" }},
		"by other staff":       {403, func(c *call) { c.scope = "payments:refund" }},
		"by a service":         {403, func(c *call) { c.caller = "ingestion" }},
		"by the least trusted": {403, func(c *call) { c.caller = "notification" }},
		"by nobody":            {401, func(c *call) { c.user = "" }},
		"of one's own":         {403, func(c *call) { *c = setState("carol", "active") }},
		"of nobody":            {404, func(c *call) {}},
		"to nothing":           {404, func(c *call) { c.body = `{}` }},
		"of an odd name":       {400, func(c *call) { *c = setState("a%20b", "frozen") }},
		"with an odd field":    {400, func(c *call) { c.body = `{"state":"frozen","owner":"alice"}` }},
	} {
		t.Run(name, func(t *testing.T) {
			c := setState("fay", "frozen")
			tc.change(&c)
			service{Harness: s.Harness, t: t}.want(tc.status, c)
		})
	}
	requireBlocked := func(c call, rule string) {
		t.Helper()
		problem := s.want(403, c)
		require.Equal(t, "tag:redoubt.example,2026:problem/account-blocked", problem["type"])
		require.NotEmpty(t, s.Logged(`"control":"app.policy.owner"`, `"rule":"`+rule+`"`, problem["instance"].(string)))
	}

	given := s.want(201, credit("fay"))["id"].(string)
	held := s.want(201, authorize("fay", "4"))["id"]
	s.want(409, setState("fay", "closed"))
	s.want(400, setState("fay", "golden"))
	require.Equal(t, map[string]any{"owner": "fay", "state": "frozen"}, s.want(200, setState("fay", "frozen")))
	requireBlocked(authorize("fay", "1"), "account-frozen")
	require.Equal(t, "frozen", s.want(200, account("fay", "/v1/account"))["state"])
	s.want(200, end("capture", "fay", held))
	s.want(201, credit("fay"))
	require.Equal(t, "active", s.want(200, setState("fay", "active"))["state"])
	s.want(200, end("void", "fay", s.want(201, authorize("fay", "1"))["id"]))

	s.want(201, refund(given))
	last := s.want(201, authorize("fay", "6"))["id"]
	s.want(409, setState("fay", "closed"))
	s.want(200, end("capture", "fay", last))
	require.Equal(t, "closed", s.want(200, setState("fay", "closed"))["state"])
	requireBlocked(authorize("fay", "1"), "account-closed")
	requireBlocked(credit("fay"), "account-closed")
	s.want(409, setState("fay", "active"))
	require.Empty(t, s.Logged(`"decision":"deny"`, "fay"), "a record names no principal")
}
