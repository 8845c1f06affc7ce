package event

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FromLog makes an event of a line that a service, its sidecar or the gateway has logged (package telemetry), if it is one
// of those that are: a decision record (package controls), a request, or one of the messages below.
func FromLog(line []byte) (*Event, bool) {
	var l map[string]any
	if json.Unmarshal(line, &l) != nil {
		return nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, text(l["time"]))
	node := text(l["service"])
	workload, _, _ := strings.Cut(node, ".") // payments.sidecar and ingestion.2 are who they are part of
	if err != nil || workload == "" {
		return nil, false
	}
	e := &Event{ID: identify(node, line), Time: at, Fields: map[string]any{}}
	e.set(Service, workload)
	e.set("service.node.name", node)
	e.set("log.level", text(l["level"]))
	e.set("http.request.id", text(l["request_id"]))
	switch message := text(l["msg"]); message {
	case "decision":
		e.decision(l)
	case "request":
		e.request(l)
	default:
		said, ok := messages[message]
		if !ok {
			return nil, false
		}
		e.classify(Lifecycle, said.action, said.category, said.kind, said.outcome)
		e.copy(l, said.attributes)
	}
	return e, true
}

func (e *Event) classify(dataset, action, category, kind, outcome string) {
	for name, v := range map[string]string{Dataset: dataset, Action: action, Category: category, Type: kind, Outcome: outcome} {
		e.set(name, v)
	}
}

func outcome(success bool) string {
	if success {
		return "success"
	}
	return "failure"
}

// attributes are what a line's keys are called in an event. The others stay out: errors, panics and their stacks hold
// whatever somebody put into them.
type attributes map[string]string

func (e *Event) copy(l map[string]any, which attributes) {
	for key, name := range which {
		switch v := l[key].(type) {
		case string:
			if !table[name].number {
				e.set(name, v)
			}
		case float64:
			if table[name].number {
				e.set(name, int(v))
			} else {
				e.set(name, strconv.FormatFloat(v, 'f', -1, 64))
			}
		case []any:
			var all []string
			for _, one := range v {
				switch one := one.(type) {
				case string:
					all = append(all, one)
				case float64:
					all = append(all, strconv.FormatFloat(one, 'f', -1, 64))
				}
			}
			e.set(name, strings.Join(all, " "))
		}
	}
}

// ofDecision are the attributes of decision records, whichever control's.
var ofDecision = attributes{
	"layer": "rule.category", "reason": Reason, "route": "http.route",
	"rule": "rule.name", "decision_id": "rule.uuid", "digest": "file.hash.sha256", "in_force": "rule.version",
	"mode": "redoubt.mode", "score": "redoubt.waf.score", "rules": "redoubt.waf.rules", "source": "redoubt.source",
	"in": "redoubt.part", "model": "redoubt.model", "version": "redoubt.model_version",
}

func (e *Event) decision(l map[string]any) {
	allowed := text(l["decision"]) == "allow"
	kind := "denied"
	if allowed {
		kind = "allowed"
	}
	control := strings.TrimPrefix(text(l["control"]), "again ") // a second check of the same: see controls.Again
	e.classify(Decision, "decision", category(control), kind, outcome(allowed))
	e.set(RuleID, control)
	e.copy(l, ofDecision)
	e.set("redoubt.headers", claims(l["headers"]))
	if digest := e.Text("file.hash.sha256"); digest != "" {
		e.set("file.hash.sha256", strings.TrimPrefix(digest, "sha256:"))
	}
	e.parties(l)
}

var ofRequest = attributes{
	"route": "http.route", "method": "http.request.method", "status": "http.response.status_code", "bytes": "http.response.bytes",
	"trace_id": "trace.id", "rule": "rule.name", "decision_id": "rule.uuid",
}

// identities are the header fields by which a client can claim to be a service. It may send any; these are kept.
var identities = []string{"Txn-Token", "X-Forwarded-Client-Cert", "X-Redoubt-Caller"}

func claims(sent any) string {
	names, _ := sent.([]any)
	var kept []string
	for _, name := range identities {
		if slices.Contains(names, any(name)) {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, " ")
}

// methods are those of the API's routes, and of browsers before them. A client may send any word.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}

func (e *Event) request(l map[string]any) {
	status, _ := l["status"].(float64)
	e.classify(Access, "request", "web", "access", outcome(status < 400))
	e.copy(l, ofRequest)
	if method := e.Text("http.request.method"); method != "" && !slices.Contains(methods, method) {
		e.set("http.request.method", other)
	}
	if us, ok := l["duration_us"].(float64); ok {
		e.set("event.duration", int(us)*1000)
	}
	e.parties(l)
}

// ofClient is what the gateway says of a client outside.
var ofClient = attributes{"country": CountryCode, "user_hash": User, "token_hash": Token, "api_key": APIKey, "claimed_user_hash": ClaimedUser}

// parties enters who asked, and from where: a service by its name or SPIFFE ID, a connection by its address, a local process
// by its numbers.
func (e *Event) parties(l map[string]any) {
	caller, as := text(l["caller"]), Caller
	if strings.HasPrefix(caller, "spiffe://") {
		e.set("redoubt.spiffe_id", caller)
		caller = caller[strings.LastIndexByte(caller, '/')+1:]
		if !proved(e.Text(RuleID), e.Text(Reason)) {
			as = Claimed
		}
	}
	if caller != "none" {
		e.set(as, caller)
	}
	e.copy(l, ofClient)
	e.address(text(l["peer"]))
	if client, err := netip.ParseAddr(text(l["client"])); err == nil {
		e.set("client.ip", client.String())
	}
}

// proved tells whether a certificate's name is proved, by what it was refused for: the mesh checks its chain first.
func proved(control, reason string) bool {
	return control != "mesh.mtls" && (control != "mesh.spiffe" || strings.HasPrefix(reason, "another service answered"))
}

func (e *Event) address(peer string) {
	if at, err := netip.ParseAddrPort(peer); err == nil {
		e.set("source.ip", at.Addr().Unmap().String())
		e.set("source.port", int(at.Port()))
	}
	words := strings.Fields(peer) // pid 12 uid 34
	for i := 0; i+1 < len(words); i += 2 {
		switch n, err := strconv.Atoi(words[i+1]); {
		case err != nil:
			return
		case words[i] == "pid":
			e.set("process.pid", n)
		case words[i] == "uid":
			e.set("process.user.id", strconv.Itoa(n))
		}
	}
}

// category is the schema's, for what a control decides about.
func category(control string) string {
	for _, c := range []struct{ prefix, category string }{
		{"edge.jwt.", "authentication"}, {"edge.apikey", "authentication"}, {"edge.dpop", "authentication"}, {"edge.tls", "network"},
		{"edge.address", "network"}, {"edge.containment", "iam"}, {"edge.scope", "iam"}, {"edge.", "web"}, {"mesh.intention", "network"}, {"mesh.", "authentication"},
		{"app.txn-token", "authentication"}, {"app.policy.bundle", "configuration"}, {"app.policy", "iam"},
		{"app.model", "configuration"}, {"app.webhook.signature", "authentication"}, {"app.webhook", "web"},
		{"infra.ledger", "database"}, {"infra.", "authentication"},
	} {
		if strings.HasPrefix(control, c.prefix) {
			return c.category
		}
	}
	return "api"
}

// messages are the other lines that are events: what a workload says of its certificate, its logins, its policy and itself.
var messages = map[string]struct {
	action, category, kind, outcome string
	attributes                      attributes
}{
	"UNSAFE: controls are switched off":                   {"controls-off", "configuration", "change", "success", attributes{"controls": "redoubt.controls"}},
	"everything is checked again at this hop":             {"checked-again", "configuration", "change", "success", nil},
	"UNSAFE: delays are injected":                         {"delays-injected", "configuration", "change", "success", nil},
	"leaf certificate signed":                             {"leaf-signed", "authentication", "info", "success", nil},
	"stream closed with its certificate's end":            {"certificate-ended", "network", "denied", "failure", nil},
	"the upstream refused us":                             {"refused-by-upstream", "network", "denied", "failure", attributes{"upstream": "service.target.name"}},
	"the upstream can't be reached":                       {"upstream-away", "network", "error", "failure", attributes{"upstream": "service.target.name"}},
	"logged in to Vault again":                            {"vault-login", "authentication", "info", "success", attributes{"role": "user.roles"}},
	"refused; trying again":                               {"vault-refused", "authentication", "denied", "failure", attributes{"role": "user.roles"}},
	"login replaced":                                      {"database-login", "authentication", "info", "success", attributes{"database": "redoubt.database", "role": "user.roles"}},
	"document refused":                                    {"document-refused", "authentication", "denied", "failure", nil},
	"policy loaded":                                       {"policy-loaded", "configuration", "change", "success", attributes{"revision": "rule.version"}},
	"model loaded":                                        {"model-loaded", "configuration", "change", "success", attributes{"model": "redoubt.model", "version": "redoubt.model_version"}},
	"model published":                                     {"model-published", "configuration", "change", "success", attributes{"model": "redoubt.model", "version": "redoubt.model_version"}},
	"address list refused, the one before stays in force": {"address-list-refused", "configuration", "denied", "failure", nil},
	"containment changed":                                 {"containment-changed", "configuration", "change", "success", nil},
	"API key ignored":                                     {"api-key-ignored", "authentication", "error", "failure", nil},
	"rotated":                                             {"rotated", "authentication", "change", "success", nil},
	"alive":                                               {"alive", "configuration", "info", "success", nil},
	"events lost":                                         {"events-lost", "configuration", "error", "failure", attributes{"reason": Reason, "count": Lost}},
	"ending":                                              {"ending", "configuration", "info", "success", nil},
	"serving":                                             {"serving", "configuration", "info", "success", attributes{"mode": "redoubt.mode"}},
	"component held down":                                 {"held-down", "configuration", "change", "success", attributes{"component": "service.target.name"}},
	"component released":                                  {"released", "configuration", "change", "success", attributes{"component": "service.target.name"}},
	"differs from what is declared":                       {"drift", "configuration", "change", "success", attributes{"server": "service.target.name", "what": "redoubt.object", "found": Reason}},
	"is as it is declared again":                          {"drift-mended", "configuration", "change", "success", attributes{"server": "service.target.name", "what": "redoubt.object", "found": Reason}},
	"stopped":                                             {"stopped", "configuration", "info", "success", nil},
}

// The kinds of lines, by what Logged tells of them.
const (
	NoEvent = iota
	AccessLine
	OtherEvent
)

// Logged tells whether a line that has this message, as JSON writes it, is an event: without reading the line, or allocating.
func Logged(message []byte) (kind int) {
	switch string(message) {
	case "request":
		return AccessLine
	case "decision":
		return OtherEvent
	}
	if _, is := messages[string(message)]; is {
		return OtherEvent
	}
	return NoEvent
}

// Messages are the lines, other than decisions and requests, that are events.
func Messages() []string { return slices.Sorted(maps.Keys(messages)) }
