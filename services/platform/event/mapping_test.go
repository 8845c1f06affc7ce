package event_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/event"
)

// TestMapping: what becomes of a line that was recorded, in full.
func TestMapping(t *testing.T) {
	all, _ := recorded(t)
	for _, c := range []struct {
		name, file string
		is         func(e *event.Event) bool
		want       map[string]any
	}{
		{"a connection that no intention allows", "services.log", func(e *event.Event) bool {
			return e.Text(event.RuleID) == "mesh.intention" && e.Text(event.Service) == "payments"
		}, map[string]any{
			event.Dataset: event.Decision, event.Action: "decision", event.Category: "network", event.Type: "denied", event.Outcome: "failure",
			event.Reason: "no intention allows it", event.RuleID: "mesh.intention", "rule.category": "mesh", "log.level": "WARN",
			event.Service: "payments", "service.node.name": "payments.sidecar", event.Caller: "notification", "source.ip": "127.0.0.1",
			"redoubt.spiffe_id": "spiffe://31ee6c97-1fb8-6cc9-a56c-ff795505954f.consul/ns/default/dc/dc1/svc/notification",
		}},
		{"a login to Vault as somebody else", "vault.log", func(e *event.Event) bool {
			return e.Text(event.Action) == "login" && e.Text(event.Outcome) == "failure"
		}, map[string]any{
			event.Dataset: event.Vault, event.Action: "login", event.Category: "iam", event.Type: "denied", event.Outcome: "failure",
			event.Service: "vault", event.Claimed: "notification", "url.path": "auth/jwt/login", "source.ip": "127.0.0.1",
			event.Reason: "invalid audience",
		}},
		{"a token that ended while the operator listed tokens", "vault.log", func(e *event.Event) bool {
			return strings.HasPrefix(e.Text("url.path"), "auth/token/") && e.Text(event.Outcome) == "failure"
		}, map[string]any{
			event.Dataset: event.Vault, event.Action: "update", event.Category: "iam", event.Type: "denied", event.Outcome: "failure",
			event.Service: "vault", event.Caller: "operator", "url.path": "auth/token/lookup-accessor", "source.ip": "127.0.0.1",
			event.Reason: "unknown token",
		}},
		{"a login to PostgreSQL after its lease", "postgres.log", func(e *event.Event) bool {
			return strings.Contains(e.Text(event.Reason), "authentication")
		}, map[string]any{
			event.Dataset: event.Postgres, event.Action: "refused", event.Category: "database", event.Type: "denied", event.Outcome: "failure",
			event.Service: "postgres", event.Claimed: "payments", "redoubt.database": "payments", "log.level": "FATAL", "source.ip": "127.0.0.1",
			event.Reason: `password authentication failed for user "..."`,
		}},
		{"an entry in the catalog under another's name", "consul.log", func(e *event.Event) bool { return true }, map[string]any{
			event.Dataset: event.Consul, event.Action: "refused", event.Category: "iam", event.Type: "denied", event.Outcome: "failure",
			event.Service: "consul", "service.target.name": "payments", "redoubt.permission": "service:write", "log.level": "ERROR",
			"http.request.method": "PUT", "url.path": "/v1/agent/service/register", event.Reason: "permission denied", "source.ip": "127.0.0.1",
		}},
		{"a control that is off", "services.log", func(e *event.Event) bool { return e.Text(event.Action) == "controls-off" }, map[string]any{
			event.Dataset: event.Lifecycle, event.Action: "controls-off", event.Category: "configuration", event.Type: "change",
			event.Outcome: "success", "redoubt.controls": "edge.scope", event.Service: "gateway", "service.node.name": "gateway", "log.level": "WARN",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := false
			for _, e := range all[c.file] {
				if !c.is(e) {
					continue
				}
				found = true
				delete(e.Fields, "source.port")
				delete(e.Fields, "http.request.id")
				require.Equal(t, c.want, e.Fields)
				break
			}
			require.True(t, found, "no such line was recorded")
		})
	}
}

// TestNobodyIsFramed: who was only said to have asked isn't the caller, or a rule would have the wrong one isolated.
func TestNobodyIsFramed(t *testing.T) {
	all, _ := recorded(t)
	asked := map[string]bool{}
	for _, events := range all {
		for _, e := range events {
			unproved := e.Text(event.RuleID) == "mesh.mtls" || e.Text(event.Action) == "login" && e.Text(event.Type) == "denied" ||
				strings.Contains(e.Text(event.Reason), "password authentication failed")
			if unproved {
				require.Empty(t, e.Text(event.Caller), "%v", e.Fields)
				asked[e.Text(event.Dataset)] = asked[e.Text(event.Dataset)] || e.Text(event.Claimed) != ""
			} else {
				require.Empty(t, e.Text(event.Claimed), "%v", e.Fields)
			}
		}
	}
	require.Equal(t, map[string]bool{event.Decision: true, event.Vault: true, event.Postgres: true}, asked)
}

// What must be in no event. In halves: none of it is a secret, and no scanner has to know that.
const (
	personal = "canary@example.com"
	token    = "eyJhbGciOiJub25lIn0" + ".eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
	vaults   = "hvs." + "CANARYCANARYCANARYCANARY"
)

// TestNothingElseGetsIn puts canaries wherever a line has room for one: into keys that nobody has entered, and credentials into
// every text of those that are.
func TestNothingElseGetsIn(t *testing.T) {
	for name, from := range map[string]func([]byte) (*event.Event, bool){"services.log": event.FromLog, "vault.log": event.FromVault} {
		for _, line := range lines(t, name) {
			if _, is := from([]byte(line)); !is {
				continue
			}
			var l map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			poison(l)
			for _, key := range []string{"error", "panic", "stack", "body", "principal", "user", "email", "Authorization", "client", "delivery"} {
				l[key] = personal + " " + token
			}
			raw, err := json.Marshal(l)
			require.NoError(t, err)
			e, is := from(raw)
			require.True(t, is)
			clean(t, e, line)
		}
	}
	for _, line := range lines(t, "postgres.log") {
		if e, is := event.FromPostgres([]byte(line + ` user "` + personal + `" ` + token + " " + vaults)); is {
			clean(t, e, line)
		}
	}
	for from, line := range map[string]string{
		"vault": `{"type":"response","time":"2026-11-22T08:00:00Z","request":{"path":"auth/jwt/login","data":{"role":"` + personal + `"}}}`,
		"log":   `{"time":"2026-11-22T08:00:00Z","msg":"request","service":"gateway","method":"` + personal + `"}`,
		"other": `2026-11-22 08:35:05.889 UTC [9723] ` + personal + `@` + personal + ` 127.0.0.1(54320) FATAL:  no such user`,
	} {
		e, is := map[string]func([]byte) (*event.Event, bool){"vault": event.FromVault, "log": event.FromLog, "other": event.FromPostgres}[from]([]byte(line))
		if is { // a name with @ is two to PostgreSQL's line
			clean(t, e, line)
		}
	}
	for _, line := range lines(t, "consul.log") {
		line = strings.ReplaceAll(line, "/v1/agent/service/register", "/v1/agent/service/register?token="+vaults+"&user="+personal)
		if e, is := event.FromConsul([]byte(line)); is {
			clean(t, e, line)
		}
	}
}

// poison appends a credential to every text in a record, but for those by which it is known for what it is.
func poison(l map[string]any) {
	for key, v := range l {
		switch v := v.(type) {
		case string:
			if key != "time" && key != "msg" && key != "service" && key != "type" && key != "decision" && key != "display_name" {
				l[key] = v + " " + token + " " + vaults
			}
		case map[string]any:
			poison(v)
			v["principal"] = personal
		case []any:
			l[key] = append(v, token, vaults)
		}
	}
}

func clean(t *testing.T, e *event.Event, line string) {
	t.Helper()
	doc, err := json.Marshal(e)
	require.NoError(t, err)
	batch, err := event.ToOTLP(e.Reporter(), []*event.Event{e})
	require.NoError(t, err)
	for _, kept := range []string{string(doc), batch.String()} {
		for _, canary := range []string{personal, token, vaults, "canary", "CANARY"} {
			require.NotContains(t, kept, canary, line)
		}
	}
}

// TestNobodyIsNamed: demo users are in what Vault and PostgreSQL log, and in what the gateway says of a client's limits.
func TestNobodyIsNamed(t *testing.T) {
	raw := ""
	for name := range sources {
		raw += strings.Join(lines(t, name), "\n")
	}
	all, _ := recorded(t)
	for _, user := range []string{"alice", "bob", "dave", "customer:"} {
		for _, events := range all {
			for _, e := range events {
				doc, err := json.Marshal(e)
				require.NoError(t, err)
				require.NotContains(t, string(doc), user)
			}
		}
	}
	require.Contains(t, raw, "alice", "nothing was asked")
	require.Contains(t, raw, "customer:dave", "nothing was asked")
}

// TestMessagesAreWritten: what the mapping waits for is still what somebody logs.
func TestMessagesAreWritten(t *testing.T) {
	source := ""
	for _, root := range []string{"../../../services", "../../../gateway", "../../../scripts/lab"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "platform/event/log.go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			source += string(raw)
			return err
		}))
	}
	for _, message := range event.Messages() {
		require.Contains(t, source, `"`+message+`"`)
	}
}

// TestBytesThatAreNoText: what PostgreSQL logs may be in any encoding; an event can be sent all the same.
func TestBytesThatAreNoText(t *testing.T) {
	e, is := event.FromPostgres([]byte("2026-11-22 08:35:05.889 UTC [9723] payments-1-x@payments 127.0.0.1(54320) ERROR:  " + strings.Repeat("caf\xe9 ", 100)))
	require.True(t, is)
	batch, err := event.ToOTLP("postgres", []*event.Event{e})
	require.NoError(t, err)
	_, err = proto.Marshal(batch)
	require.NoError(t, err)
	require.LessOrEqual(t, len(e.Text(event.Reason)), 256)
}

func TestNoEvents(t *testing.T) {
	_, others := recorded(t)
	for name := range sources {
		require.NotEmpty(t, others[name], "%s: lines that are no events", name)
	}
	for _, line := range []string{"", "{", "null", "[]", `{"time":"x"}`, `{"time":"2026-11-22T08:00:00Z","msg":"decision"}`, `{"type":"response"}`, `{"type":"request","time":"2026-11-22T08:00:00Z"}`, "\x00"} {
		for name, from := range sources {
			_, is := from([]byte(line))
			require.False(t, is, "%s: %q", name, line)
		}
	}
}
