package event

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// refusal is a line of PostgreSQL's log with the line prefix '%m [%p] %q%u@%d %r ' that says FATAL or ERROR.
var refusal = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC) \[(\d+)\] (\S+)@(\S+) (\S+) (FATAL|ERROR):  (.*)$`)

// leased is the name of a login that Vault has made: the role, when, and what makes it one of a kind.
var leased = regexp.MustCompile(`^(.+)-\d+-\w+$`)

// quoted is what a message quotes, which may be anything that a client has sent.
var quoted = regexp.MustCompile(`"[^"]*"`)

// FromPostgres makes an event of a line of PostgreSQL's log that says that it refused something.
func FromPostgres(line []byte) (*Event, bool) {
	m := refusal.FindStringSubmatch(string(line))
	if m == nil {
		return nil, false
	}
	at, err := time.Parse("2006-01-02 15:04:05.000 MST", m[1])
	if err != nil {
		return nil, false
	}
	who := m[3]
	if role := leased.FindStringSubmatch(who); role != nil {
		who = role[1]
	}
	e := &Event{ID: identify("postgres", line), Time: at, Fields: map[string]any{}}
	e.classify(Postgres, "refused", "database", "denied", "failure")
	e.set(Service, "postgres")
	if strings.Contains(m[7], "authentication failed") {
		e.set(Claimed, named(who))
	} else {
		e.set(Caller, named(who))
	}
	e.set("redoubt.database", named(m[4]))
	e.set("log.level", m[6])
	e.set(Reason, quoted.ReplaceAllString(m[7], `"..."`))
	if ip, port, ok := strings.Cut(strings.TrimSuffix(m[5], ")"), "("); ok {
		if addr, err := netip.ParseAddr(ip); err == nil {
			e.set("source.ip", addr.String())
		}
		if n, err := strconv.Atoi(port); err == nil {
			e.set("source.port", n)
		}
	}
	return e, true
}
