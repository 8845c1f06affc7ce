package controls

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// maxDelay is far more than a measuring harness has to recover, and far less than a request may take.
const maxDelay = 100 * time.Millisecond

// Delays are what to waste in each span of a control, by its ID: known costs, which a harness that measures has to find again.
type Delays map[string]time.Duration

// delays holds those of this process; nil: none.
var delays atomic.Pointer[Delays]

// ParseDelays reads "app.policy=20us". 0s is none. A control whose time is in no request's ledger can't be delayed: the
// harness could not be asked for it.
func ParseDelays(list []string) (Delays, error) {
	all := Delays{}
	for _, text := range list {
		id, value, ok := strings.Cut(text, "=")
		c, known := Lookup(id)
		d, err := time.ParseDuration(value)
		switch {
		case !ok:
			return nil, fmt.Errorf("%q doesn't say how long: write control=20us", text)
		case !known:
			return nil, fmt.Errorf("no control has the ID %q", id)
		case c.Layer != Edge && c.Layer != App:
			return nil, fmt.Errorf("%s can't be delayed: its time is in no request's ledger", id)
		case err != nil || d < 0 || d > maxDelay:
			return nil, fmt.Errorf("%s can be delayed by 0s to %s, not %q", id, maxDelay, value)
		case all[id] != 0:
			return nil, fmt.Errorf("the delay of %s is given twice", id)
		}
		if d > 0 {
			all[id] = d
		}
	}
	return all, nil
}

// String is what ParseDelays reads, sorted.
func (d Delays) String() string {
	list := make([]string, 0, len(d))
	for _, id := range slices.Sorted(maps.Keys(d)) {
		list = append(list, id+"="+d[id].String())
	}
	return strings.Join(list, ",")
}

// Inject has each span of these controls last so much longer from now on, and says so in the log; every other delay ends.
// The caller has made sure that this is a lab; a build for release refuses.
func Inject(log *slog.Logger, d Delays) error {
	if err := Unsafe(); err != nil {
		return err
	}
	if len(d) == 0 {
		if delays.Swap(nil) != nil {
			log.Warn("no more delays are injected")
		}
		return nil
	}
	own := maps.Clone(d)
	delays.Store(&own)
	log.Warn("UNSAFE: delays are injected", "delays", own.String())
	return nil
}

// Injected returns the delays that are in force.
func Injected() Delays {
	if d := delays.Load(); d != nil {
		return maps.Clone(*d)
	}
	return nil
}

// injectedPrefix begins the entries that say what was injected into a control.
const injectedPrefix = "injected "

// InjectedInto is the name of the entry that says how much of a control's time was injected, by the injector's own clock.
// That time is in the control's own entry too: it is no part of the request's time beside it.
func InjectedInto(id string) string { return injectedPrefix + id }

// IsInjected tells whether an entry is InjectedInto's, and of which control.
func IsInjected(entry string) (id string, ok bool) { return strings.CutPrefix(entry, injectedPrefix) }

// spin wastes what was ordered for a span. It doesn't sleep: a timer's lateness is what the harness is not to be tested by.
func spin(l *Ledger, name string) {
	all := delays.Load()
	if all == nil {
		return
	}
	d := (*all)[name]
	if d == 0 {
		return
	}
	begin := time.Now()
	spent := time.Since(begin)
	for ; spent < d; spent = time.Since(begin) {
	}
	l.Add(InjectedInto(name), spent)
}
