package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// testAccountState: staff freeze alice's account. She still reads and receives, and can't spend by any way in.
func testAccountState(t *testing.T, l *lab, alice string) {
	carol := l.token(t, "carol")
	set := func(token, owner, state string) reply {
		return l.must(t, "PUT", "/v1/accounts/"+owner+"/state", token, map[string]string{"state": state})
	}
	require.Equal(t, http.StatusForbidden, set(alice, "alice", "active").status, "she lacks the scope")
	require.Equal(t, http.StatusForbidden, set(carol, "carol", "active").status, "nobody decides about an account of their own")
	require.Equal(t, http.StatusNotFound, set(carol, "nobody-yet", "frozen").status)
	require.Equal(t, http.StatusConflict, set(carol, "alice", "closed").status, "it has credits")

	type account struct {
		State         string
		Balance, Held int64
	}
	var before, after account
	l.must(t, "GET", "/v1/account", alice, nil).into(t, &before)
	require.Equal(t, "active", before.State)
	require.Equal(t, http.StatusOK, set(carol, "alice", "frozen").status)
	inference := map[string]string{"model": "langid", "input": "Wir treffen uns morgen früh am Bahnhof."}
	for path, body := range map[string]any{"/v1/documents": sample, "/v1/inferences": inference, "/v1/inferences:stream": inference} {
		got := l.must(t, "POST", path, alice, body)
		require.Equal(t, http.StatusForbidden, got.status, "%s: %s", path, got.body)
		var problem struct{ Type, Detail string }
		got.into(t, &problem)
		require.Equal(t, "tag:redoubt.example,2026:problem/account-blocked", problem.Type, path)
		require.Contains(t, problem.Detail, "frozen")
		require.Eventually(t, func() bool {
			return l.logged(t, "payments", `"rule":"account-frozen"`, `"control":"app.policy.owner"`, got.header.Get("X-Request-Id")) > 0
		}, 5*time.Second, 20*time.Millisecond, path)
	}
	l.must(t, "GET", "/v1/account", alice, nil).into(t, &after)
	before.State = "frozen"
	require.Equal(t, before, after, "nothing was set aside")
	require.Equal(t, http.StatusCreated, l.credit(t, carol, "alice"), "it receives")

	require.Equal(t, http.StatusOK, set(carol, "alice", "active").status)
	require.Equal(t, http.StatusCreated, l.must(t, "POST", "/v1/documents", alice, sample).status)
}

// credit has staff give somebody a few credits, and returns the status.
func (l *lab) credit(t testing.TB, staff, to string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.status.GatewayURL+"/v1/transfers",
		strings.NewReader(`{"to": "`+to+`", "amount": 5, "memo": "welcome"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+staff)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", uuid.NewString())
	res, err := l.client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}
