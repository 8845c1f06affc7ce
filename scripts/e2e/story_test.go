package e2e_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
)

// containedWithin is the target: from the attack's first step to the first refusal of what the service was allowed before.
const containedWithin = 2 * time.Second

// TestStory is the threat model's: notification is in somebody else's hands and reaches for payments. It is refused, one alert says so,
// it is isolated in under two seconds while every honest request succeeds, undoing that gives it back, and the review tells it.
func TestStory(t *testing.T) {
	t.Parallel()
	l := up(t, "--respond", "propose")
	got := l.run(t, "respond", "mode", "isolate-service", "auto")
	require.Zero(t, got.code, got.stderr)
	token := l.token(t, "alice")
	require.Equal(t, http.StatusOK, l.must(t, http.MethodGet, "/v1/inbox", token, nil).status)
	intruder := l.intrude(t, "notification")
	payments, gateway := intruder.place(t, "payments"), intruder.place(t, "gateway")
	require.NoError(t, intruder.ask(gateway, "GET /v1/transaction-keys"), "what notification is allowed")
	honest := l.load(t, 5) // documents too, whose owners notification would tell: that is done after the answer

	began := time.Now()
	require.Error(t, intruder.ask(payments, "GET /v1/account"))
	for intruder.ask(gateway, "GET /v1/transaction-keys") == nil {
		require.Less(t, time.Since(began), 20*time.Second, "it isn't contained: %s", l.run(t, "respond", "list").stdout)
		time.Sleep(10 * time.Millisecond)
	}
	contained := time.Since(began)

	var raised []alert.Alert
	l.json(t, &raised, "alerts")
	raised = slices.DeleteFunc(raised, func(a alert.Alert) bool { return a.Subject.Caller != "notification" })
	story := slices.DeleteFunc(slices.Clone(raised), func(a alert.Alert) bool { return a.Rule != "notification_reaches_payments" })
	require.Len(t, story, 1, "one alert of the story's rule: %+v", raised) // what it tries once it is isolated raises others
	require.Equal(t, "payments", story[0].Subject.Reporter)
	detected := story[0].Raised.Sub(began)
	var done []alert.Response
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it is contained before the last of its leases has ended
		done = l.responses(t)
		require.Len(c, done, 1)
		require.Equal(c, "done", done[0].State, "%+v", done[0])
	}, 10*time.Second, 50*time.Millisecond)
	require.True(t, slices.ContainsFunc(raised, func(a alert.Alert) bool { return a.ID == done[0].Alert }), "it answers one of them")
	require.Equal(t, []string{"isolate-service", "notification", "auto"}, []string{done[0].Action, done[0].Target, done[0].By})
	t.Logf("detected after %s, contained after %s, everything taken after %s", detected.Round(time.Millisecond),
		contained.Round(time.Millisecond), done[0].Time.Sub(began).Round(time.Millisecond))

	require.NotEqual(t, http.StatusOK, l.must(t, http.MethodGet, "/v1/inbox", token, nil).status, "nobody trusts it now")
	require.Equal(t, 2, l.run(t, "respond", "order", "isolate-service", "inference").code, "one at a time")
	require.Equal(t, 2, l.run(t, "respond", "order", "isolate-service", "gateway").code)
	time.Sleep(2 * time.Second) // honest users go on meanwhile
	honest.finish(t)

	got = l.run(t, "respond", "undo", done[0].ID)
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, http.StatusOK, l.must(t, http.MethodGet, "/v1/inbox", token, nil).status, "it is back")
	require.Equal(t, "undone", l.responses(t)[0].State)
	require.Equal(t, 2, l.run(t, "respond", "undo", done[0].ID).code)
	var incidents []alert.Incident
	l.json(t, &incidents, "incident", "list")
	i := slices.IndexFunc(incidents, func(i alert.Incident) bool { return i.Subject.Caller == "notification" })
	require.GreaterOrEqual(t, i, 0, "the story is an incident")
	var review string
	require.Eventually(t, func() bool { // what was undone is told a moment later
		review = l.run(t, "incident", "export", incidents[i].ID).stdout
		return strings.Contains(review, "**undone** isolate-service notification")
	}, 5*time.Second, 50*time.Millisecond)
	for _, text := range []string{"Notification reaches for payments", "notification_reaches_payments", "`mesh.intention`", "**done** isolate-service notification", "T-021"} {
		require.Contains(t, review, text)
	}
	require.Less(t, contained, containedWithin)
}

func (l *lab) json(t testing.TB, into any, verb ...string) {
	t.Helper()
	got := l.run(t, append(verb, "--json")...)
	require.Zero(t, got.code, got.stderr)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), into))
}

func (l *lab) responses(t testing.TB) []alert.Response {
	t.Helper()
	var all struct{ Responses []alert.Response }
	l.json(t, &all, "respond", "list")
	return all.Responses
}

// place is where a service's mesh port is, found while Consul still answers.
func (i *intruder) place(t testing.TB, service string) string {
	t.Helper()
	instances, _, err := i.consul.Health().Connect(service, "", false, nil)
	require.NoError(t, err)
	require.NotEmpty(t, instances)
	return net.JoinHostPort(instances[0].Service.Address, fmt.Sprint(instances[0].Service.Port))
}

// ask sends one request on a connection of its own; the error says that there was no answer, or that it is none for us.
func (i *intruder) ask(address, request string) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Second}, "tcp", address, i.config)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n", request); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}
