package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRefuses(t *testing.T) {
	s := serve(t)
	s.want(201, credit("alice"))
	hers := s.want(201, authorize("alice", "5"))["id"]
	transfers := s.want(200, call{caller: "gateway", user: "alice", scope: "account:read", method: "GET", path: "/v1/account/transfers"})
	hold := transfers["transfers"].([]any)[0].(map[string]any)["id"].(string)

	for name, tc := range map[string]struct {
		status int
		change func(*call)
	}{
		"a caller that isn't listed":  {403, func(c *call) { c.caller = "notification" }},
		"the gateway itself":          {403, func(c *call) { c.caller = "gateway" }},
		"no user":                     {401, func(c *call) { c.user = "" }},
		"another scope":               {403, func(c *call) { c.scope = "documents:read" }},
		"no key":                      {400, func(c *call) { c.key = "" }},
		"a malformed key":             {400, func(c *call) { c.key = "a b" }},
		"nothing":                     {400, func(c *call) { c.body = `{"amount":0,"reference":"x"}` }},
		"a negative amount":           {400, func(c *call) { c.body = `{"amount":-1,"reference":"x"}` }},
		"too much at once":            {400, func(c *call) { c.body = `{"amount":1000001,"reference":"x"}` }},
		"more than an int64":          {400, func(c *call) { c.body = `{"amount":9223372036854775808,"reference":"x"}` }},
		"part of a credit":            {400, func(c *call) { c.body = `{"amount":0.5,"reference":"x"}` }},
		"a line break":                {400, func(c *call) { c.body = `{"amount":1,"reference":"x\ny"}` }},
		"a zero byte":                 {400, func(c *call) { c.body = `{"amount":1,"reference":"\u0000"}` }},
		"an unknown field":            {400, func(c *call) { c.body = `{"amount":1,"reference":"x","principal":"bob"}` }},
		"more than there is":          {402, func(c *call) { c.body = `{"amount":6,"reference":"x"}` }},
		"a large body":                {413, func(c *call) { c.body = `{"reference":"` + strings.Repeat("x", 9000) + `"}` }},
		"another's authorization":     {404, func(c *call) { *c = end("capture", "bob", hers) }},
		"another service's":           {404, func(c *call) { *c = end("void", "alice", hers); c.caller, c.scope = "inference", "inferences:create" }},
		"one that isn't":              {404, func(c *call) { *c = end("void", "alice", uuid.NewString()) }},
		"an ID that is none":          {404, func(c *call) { *c = end("void", "alice", "1") }},
		"an ID in another spelling":   {404, func(c *call) { *c = end("void", "alice", strings.ToUpper(hers.(string))) }},
		"settling for another":        {404, func(c *call) { *c = settle("inference", hers) }},
		"settling by an unlisted":     {403, func(c *call) { *c = settle("notification", hers) }},
		"settling what isn't":         {404, func(c *call) { *c = settle("ingestion", uuid.NewString()) }},
		"settling somehow":            {400, func(c *call) { *c = settle("ingestion", hers); c.body = strings.Replace(c.body, "capture", "x", 1) }},
		"credit by a customer":        {403, func(c *call) { *c = credit("alice"); c.user, c.scope = "alice", "documents:write" }},
		"credit by ingestion":         {403, func(c *call) { *c = credit("alice"); c.caller = "ingestion" }},
		"credit to nobody":            {400, func(c *call) { *c = credit("") }},
		"credit to an account's name": {400, func(c *call) { *c = credit("a b") }},
		"refund by a customer":        {403, func(c *call) { *c = refund(hold); c.user, c.scope = "alice", "account:read" }},
		"refund of a hold":            {422, func(c *call) { *c = refund(hold) }},
		"a page of 101":               {400, func(c *call) { *c = account("alice", "/v1/account/transfers?limit=101") }},
		"a cursor made up":            {400, func(c *call) { *c = account("alice", "/v1/account/transfers?cursor=x") }},
	} {
		t.Run(name, func(t *testing.T) {
			c := authorize("alice", "1")
			tc.change(&c)
			s := service{Harness: s.Harness, t: t}
			problem := s.want(tc.status, c)
			require.Equal(t, float64(tc.status), problem["status"])
			require.NotContains(t, strings.ToLower(problem["title"].(string)), "sql")
		})
	}
	require.Equal(t, map[string]any{"owner": "alice", "state": "active", "balance": 5.0, "held": 5.0}, s.want(200, account("alice", "/v1/account")))
	require.Equal(t, map[string]any{"owner": "bob", "state": "active", "balance": 0.0, "held": 0.0}, s.want(200, account("bob", "/v1/account")))
}

func TestLedgerOverHTTP(t *testing.T) {
	s := serve(t)
	funded := credit("dora")
	first := s.want(201, funded)
	require.Equal(t, first, s.want(201, funded), "the same key: the same answer")
	funded.body = strings.Replace(funded.body, "10", "11", 1)
	s.want(422, funded)

	held := authorize("dora", "4")
	a := s.want(201, held)
	require.Equal(t, "authorized", a["status"])
	require.Contains(t, a, "expires_at")
	require.Equal(t, a, s.want(201, held))

	captured := s.want(200, end("capture", "dora", a["id"]))
	require.Equal(t, captured, s.want(200, end("capture", "dora", a["id"])))
	require.Equal(t, "captured", captured["status"])
	s.want(409, end("void", "dora", a["id"]))

	b := s.want(201, authorize("dora", "1"))
	noBody := end("void", "dora", b["id"])
	noBody.body = ""
	require.Equal(t, "voided", s.want(200, noBody)["status"])
	s.want(409, end("capture", "dora", b["id"]))

	left := s.want(201, authorize("dora", "2"))
	require.Equal(t, "captured", s.want(200, settle("ingestion", left["id"]))["status"], "by its maker, with no user left")

	back := s.want(201, refund(captured["transfer_id"].(string)))
	require.Equal(t, captured["transfer_id"], back["refund_of"])
	s.want(409, refund(captured["transfer_id"].(string)))
	require.Equal(t, map[string]any{"owner": "dora", "state": "active", "balance": 8.0, "held": 0.0}, s.want(200, account("dora", "/v1/account")))
	requireLedger(t, s, "dora")
}

// requireLedger pages through a user's ledger: each transfer balances, and together they make the balance.
func requireLedger(t *testing.T, s service, user string) {
	t.Helper()
	var kinds []string
	var total float64
	for path := "/v1/account/transfers?limit=3"; path != ""; {
		page := s.want(200, account(user, path))
		for _, item := range page["transfers"].([]any) {
			tr := item.(map[string]any)
			var sum float64
			for _, e := range tr["entries"].([]any) {
				sum += e.(map[string]any)["amount"].(float64)
			}
			require.Zero(t, sum)
			kinds, total = append(kinds, tr["kind"].(string)), total+tr["amount"].(float64)
		}
		path = ""
		if next, ok := page["next"]; ok {
			path = "/v1/account/transfers?limit=3&cursor=" + next.(string)
		}
	}
	require.Equal(t, []string{"refund", "capture", "hold", "release", "hold", "capture", "hold", "credit"}, kinds)
	require.Equal(t, 8.0, total)
}
