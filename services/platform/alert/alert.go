// Package alert is what sentinel says of the platform's security, and what it is told: the types that its admin socket
// speaks in JSON. Who asks there is the operator, nobody in the mesh.
package alert

import "time"

// The routes of sentinel's admin socket.
const (
	Path          = "/v1/alerts"        // GET, query: Query. Waits for an alert after Query.After, up to Query.Wait
	EventsPath    = "/v1/events"        // GET, query: EventQuery
	IncidentsPath = "/v1/incidents"     // GET
	FlowsPath     = "/v1/flows"         // GET
	ResponsesPath = "/v1/responses"     // POST: what was done about an alert, for the incident's timeline
	AuditPath     = "/v1/platform-logs" // POST, OTLP: events of Vault, Consul and PostgreSQL, who have no place in the mesh
	HealthPath    = "/v1/detection"     // GET: Health
)

// Alert says that a rule came true.
type Alert struct {
	Seq        int64     `json:"seq"` // counts up from 1, without gaps, in the order in which alerts were raised
	ID         string    `json:"id"`
	Rule       string    `json:"rule"` // the folder of threatmodel/detections, or anomaly.<kind>
	Title      string    `json:"title"`
	Level      string    `json:"level"` // Sigma's: informational, low, medium, high, critical
	Threats    []string  `json:"threats"`
	Techniques []string  `json:"techniques"` // of ATT&CK
	First      time.Time `json:"first"`      // the earliest event that the alert is about, as far as it is known
	Time       time.Time `json:"time"`       // of the event that completed it
	Raised     time.Time `json:"raised"`     // when sentinel said so
	Count      int       `json:"count"`      // of events that it is about; at least 1
	Reason     string    `json:"reason"`     // one sentence for a person
	Subject    Subject   `json:"subject"`
	Incident   string    `json:"incident,omitempty"`
}

// Subject is whom an alert is about: what a response may act on. What is only claimed by the one who acted (Claimed) is never
// acted on.
type Subject struct {
	Reporter  string `json:"reporter"`            // the service whose event it is
	Caller    string `json:"caller,omitempty"`    // a service, proved by its certificate
	Claimed   string `json:"claimed,omitempty"`   // a service, as somebody said
	Principal string `json:"principal,omitempty"` // user.hash: keyed, of a verified token
	Token     string `json:"token,omitempty"`     // a hash of a verified token's ID
	APIKey    string `json:"api_key,omitempty"`   // its public prefix
	Address   string `json:"address,omitempty"`   // of a client outside
	Control   string `json:"control,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Query selects alerts. Its zero value selects all.
type Query struct {
	After int64         // Seq
	Wait  time.Duration // until there is one; at most 30 s
	Since time.Time
	Rule  string
}

// EventQuery selects events of the store, oldest first.
type EventQuery struct {
	Request, Service, Principal, Control, Caller, Dataset, Outcome string
	Since, Until                                                   time.Time
	Limit                                                          int // at most 10,000; 0: 200
}

// Event is one event of the store, flat, by its Elastic Common Schema names.
type Event struct {
	ID       string         `json:"id"`
	Time     time.Time      `json:"time"`
	Observed time.Time      `json:"observed"`
	Fields   map[string]any `json:"fields"`
}

// Response is what was done about an alert, or undone.
type Response struct {
	ID      string    `json:"id"`
	Alert   string    `json:"alert"` // its ID
	Runbook string    `json:"runbook"`
	Action  string    `json:"action"` // isolate-service, revoke-token, block-address, ...
	Target  string    `json:"target"`
	State   string    `json:"state"` // proposed, done, refused, undone, expired, failed
	Reason  string    `json:"reason,omitempty"`
	By      string    `json:"by"` // "auto", or who approved
	Time    time.Time `json:"time"`
	Expires time.Time `json:"expires,omitzero"`
}

// Incident is a story: alerts that belong together, and what was done about them.
type Incident struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Level     string     `json:"level"` // the highest of its alerts
	Opened    time.Time  `json:"opened"`
	Updated   time.Time  `json:"updated"`
	State     string     `json:"state"` // open, contained, closed
	Subject   Subject    `json:"subject"`
	Threats   []string   `json:"threats"`
	Alerts    []Alert    `json:"alerts"`
	Responses []Response `json:"responses"`
}

// Flow is one edge that was seen: who used which route of whom.
type Flow struct {
	Caller  string    `json:"caller"`
	Callee  string    `json:"callee"`
	Route   string    `json:"route"`
	Count   int64     `json:"count"`
	Refused int64     `json:"refused"` // of Count: answered with a status from 400 to 499
	Errors  int64     `json:"errors"`  // of Count: answered with a status from 500 on
	Bytes   int64     `json:"bytes"`
	Proved  bool      `json:"proved"` // the caller's name is its certificate's
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Served is how many requests got what they asked for.
func (f Flow) Served() int64 { return f.Count - f.Refused - f.Errors }

// Health is how detection itself is.
type Health struct {
	Events     uint64            `json:"events"`
	Duplicates uint64            `json:"duplicates"`
	Lost       map[string]uint64 `json:"lost"` // by reporter: events that it had to drop, as it says itself
	Late       uint64            `json:"late"`
	Alerts     uint64            `json:"alerts"`
	Rules      int               `json:"rules"`
	Silent     []string          `json:"silent"` // workloads that ought to report and don't
	StoreLag   time.Duration     `json:"store_lag_ns"`
}
