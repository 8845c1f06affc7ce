package event

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// refusedByConsul is a line of Consul's log about a request that it didn't permit (Consul 1.22, package agent). The accessor ID in it
// stays out: with a good token it can be looked up.
var refusedByConsul = regexp.MustCompile(`^(\S+) \[ERROR\] +agent\.http: Request error: method=([A-Z]+) url=(\S+) from=(\S+) error="Permission denied: .*lacks permission '([a-z:]+)'(?: on \\"([^"\\]*)\\")?`)

// FromConsul makes an event of a line of Consul's log that says that a token lacks a permission.
func FromConsul(line []byte) (*Event, bool) {
	m := refusedByConsul.FindStringSubmatch(string(line))
	if m == nil {
		return nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, m[1])
	if err != nil {
		return nil, false
	}
	e := &Event{ID: identify("consul", line), Time: at, Fields: map[string]any{}}
	e.classify(Consul, "refused", "iam", "denied", "failure")
	e.set(Service, "consul")
	e.set("log.level", "ERROR")
	e.set("http.request.method", m[2])
	path, _, _ := strings.Cut(m[3], "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	e.set("url.path", "/"+strings.Join(parts[:min(4, len(parts))], "/"))
	if from, err := netip.ParseAddrPort(m[4]); err == nil {
		e.set("source.ip", from.Addr().String())
		e.set("source.port", int(from.Port()))
	}
	e.set(Reason, "permission denied")
	e.set("redoubt.permission", m[5])
	e.set("service.target.name", m[6])
	return e, true
}
