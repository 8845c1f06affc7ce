package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/webhook"
)

func TestReceiverRefuses(t *testing.T) {
	s := serve(t)
	name := "bank-" + strings.ToLower(uuid.NewString()[:8])
	secret, err := webhook.ParseSecret(s.want(201, source(name))["secret"].(string))
	require.NoError(t, err)
	s.want(409, source(name))
	body, now := `{"type":"payout.settled","data":{"amount":5}}`, time.Now()
	good := secret.Sign("msg_"+uuid.NewString(), now, []byte(body))
	forged := webhook.NewSecret().Sign("msg_forged", now, []byte(body))
	doubled := incoming(name, good, body)
	doubled.header["Webhook-Id"] = []string{good.ID, good.ID}

	_, unknown, _ := s.do(incoming("nobody", good, body))
	for what, c := range map[string]call{
		"unsigned":       incoming(name, webhook.Headers{}, body),
		"forged":         incoming(name, forged, body),
		"too old":        incoming(name, secret.Sign("msg_old", now.Add(-webhook.Tolerance-time.Minute), []byte(body)), body),
		"from tomorrow":  incoming(name, secret.Sign("msg_new", now.Add(24*time.Hour), []byte(body)), body),
		"another body":   incoming(name, good, strings.Replace(body, "5", "6", 1)),
		"two IDs":        doubled,
		"another source": incoming("nobody", forged, body),
		"a traversal":    incoming("..%2f"+name, good, body),
	} {
		t.Run(what, func(t *testing.T) {
			problem := service{s.Harness, t, s.owner}.want(401, c)
			delete(problem, "instance")
			delete(unknown, "instance")
			require.Equal(t, unknown, problem, "nothing tells an unknown source from a bad signature")
		})
	}
	require.NotEmpty(t, s.Logged(`"control":"app.webhook.signature"`, `"decision":"deny"`, name))
	s.want(413, incoming(name, good, strings.Repeat("x", webhook.MaxBody+1)))
	noType := `{"data":{}}`
	s.want(400, incoming(name, secret.Sign("msg_x", now, []byte(noType)), noType))
	require.Empty(t, s.Logged("whsec_"))

	status, _, _ := s.do(incoming(name, good, body))
	require.Equal(t, http.StatusAccepted, status)
	s.want(409, incoming(name, good, body))
	require.Len(t, s.Logged(`"control":"app.webhook.replay"`, `"decision":"deny"`), 1)
	again := secret.Sign(good.ID, now.Add(time.Second), []byte(body))
	s.want(409, incoming(name, again, body))

	messages := s.want(200, inbox("carol", "?limit=1"))["messages"].([]any)
	m := messages[0].(map[string]any)
	require.Equal(t, []any{"webhook." + name, "payout.settled", map[string]any{"amount": 5.0}}, []any{m["kind"], m["subject"], m["data"]})
}

func TestSourcesOfAnotherProcess(t *testing.T) {
	first, second := serve(t), serve(t)
	name := "shop-" + strings.ToLower(uuid.NewString()[:8])
	secret, err := webhook.ParseSecret(first.want(201, source(name))["secret"].(string))
	require.NoError(t, err)
	body := `{"type":"a"}`
	h := secret.Sign("msg_1", time.Now(), []byte(body))
	second.want(401, incoming(name, h, body)) // it hasn't looked since; main has it look every two seconds
	third := serve(t)
	status, _, _ := third.do(incoming(name, h, body))
	require.Equal(t, http.StatusAccepted, status, "decrypted by another process")
}

func TestDelivers(t *testing.T) {
	r := newReceiver(t, 204)
	s := serve(t, r.hostPort)
	wanted := s.want(201, endpoint("ida", r.URL+"/hook", "document.created"))
	s.want(201, endpoint("ida", r.URL+"/other", "document.deleted"))
	s.want(201, endpoint("jon", r.URL+"/jon", "*"))
	id := s.want(202, notify("ida", created))["id"].(string)
	eventually(t, "a delivery", func() bool { return len(r.received()) > 0 })
	eventually(t, "the delivery's end", func() bool { return s.state(id) == "delivered" })

	secret, err := webhook.ParseSecret(wanted["secret"].(string))
	require.NoError(t, err)
	got := r.received()
	require.Len(t, got, 1, "one endpoint of hers wants it, and nobody else's gets it")
	require.NoError(t, secret.Verify(got[0].Headers, got[0].body, time.Now()))
	var payload map[string]any
	require.NoError(t, json.Unmarshal(got[0].body, &payload))
	require.Equal(t, "document.created", payload["type"])
	require.Equal(t, map[string]any{"charge": 1.0}, payload["data"])
}

func TestDeliversAgain(t *testing.T) {
	r := newReceiver(t, 503)
	s := serve(t, r.hostPort)
	s.want(201, endpoint("kim", r.URL, "*"))
	id := s.want(202, notify("kim", created))["id"].(string)
	eventually(t, "three attempts", func() bool { return len(r.received()) >= 3 })
	r.status.Store(200)
	eventually(t, "success", func() bool { return s.state(id) == "delivered" })
	got := r.received()
	for _, g := range got {
		require.Equal(t, got[0].ID, g.ID, "one ID for all attempts")
		require.Equal(t, got[0].body, g.body)
	}
}

func TestGivesUp(t *testing.T) {
	attempts := map[int]int{404: 3, 302: 3, 500: 8, 429: 8}
	receivers, allow := map[int]*receiver{}, []string{}
	for status := range attempts {
		receivers[status] = newReceiver(t, status)
		allow = append(allow, receivers[status].hostPort)
	}
	s := serve(t, allow...)
	messages := map[int]string{}
	for status, r := range receivers {
		user := "lea-" + uuid.NewString()
		s.want(201, endpoint(user, r.URL, "*"))
		messages[status] = s.want(202, notify(user, created))["id"].(string)
	}
	for status, message := range messages {
		eventually(t, "the end", func() bool { return s.state(message) == "failed" })
		require.Len(t, receivers[status].received(), attempts[status], status)
		var written int
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE d.message_id = $1 AND a.status = $2`, message, status).Scan(&written))
		require.Equal(t, attempts[status], written)
	}
}

// A URL that was fine when it was registered leads inside when it is used: the name changed, or the rule did.
func TestRefusesToDeliverInside(t *testing.T) {
	r := newReceiver(t, 200)
	allowed := serve(t, r.hostPort)
	user := "mia-" + uuid.NewString()
	id := allowed.want(201, endpoint(user, r.URL, "*"))["id"]
	s := serve(t)
	_, err := s.owner.Exec(t.Context(), `UPDATE endpoints SET url = 'http://localhost/' WHERE id = $1`, id)
	require.NoError(t, err)
	m := s.want(202, notify(user, created))["id"].(string)
	eventually(t, "the end", func() bool { return s.state(m) == "failed" })
	require.Empty(t, r.received())
	refusals := append(s.Logged(`"control":"app.webhook.ssrf"`, "loopback"), allowed.Logged(`"control":"app.webhook.ssrf"`, "loopback")...)
	require.Len(t, refusals, 1, "once: the next attempt would be refused too")
	require.Contains(t, refusals[0], `"request_id":"`)
}

// A sealed secret that is copied into another row opens nothing there: who can write to the database can't have
// messages signed with a secret that he knows.
func TestSecretsAreBoundToTheirRow(t *testing.T) {
	r := newReceiver(t, 200)
	s := serve(t, r.hostPort)
	user := "ned-" + uuid.NewString()
	known := s.want(201, endpoint("mallory", r.URL, "never"))["id"]
	hers := s.want(201, endpoint(user, r.URL, "*"))["id"]
	_, err := s.owner.Exec(t.Context(), `UPDATE endpoints SET sealed = (SELECT sealed FROM endpoints WHERE id = $1) WHERE id = $2`, known, hers)
	require.NoError(t, err)
	m := s.want(202, notify(user, created))["id"].(string)
	eventually(t, "a refusal", func() bool { return len(s.Logged("webhook waits for its secret")) > 0 })
	require.Equal(t, "pending", s.state(m))
	require.Empty(t, r.received())
}

func (s service) state(message string) (state string) {
	s.t.Helper()
	require.NoError(s.t, s.owner.QueryRow(s.t.Context(), `SELECT state FROM deliveries WHERE message_id = $1`, message).Scan(&state))
	return state
}
