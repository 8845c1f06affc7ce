package detection

import (
	"container/list"
	"strconv"
	"strings"
	"time"

	"redoubt.example/services/platform/event"
)

// correlator evaluates one correlation rule over events that come in the order of their time.
//
// A condition with a lower limit alone is true as soon as enough is in the window that ends now, (t-timespan, t]; then
// the rule is silent about that group for a timespan. One with an upper limit is judged when its window is over, which
// begins with the group's first event and lasts a timespan: before, nobody knows what else comes.
type correlator struct {
	*correlation
	rule   *Rule
	limit  int // of groups
	groups map[string]*list.Element
	age    *list.List // of *group; the first goes first

	evicted   uint64 // groups that had to go for others
	ungrouped uint64 // events without a field that they are grouped by, or whose values are counted
}

// group is what is kept of the events with the same values of group-by.
type group struct {
	key    string
	values []string
	begun  time.Time // a timespan later it is over: when its window began, or, where windows slide, of its last event
	fired  time.Time // zero: never
	last   *event.Event
	count  int
	window window
}

// part is the share of an event's hits that go to one group; aliases can spread them.
type part struct {
	key    string
	values []string
	hits   []int
}

func newCorrelator(r *Rule, limit int) *correlator {
	return &correlator{correlation: r.combine, rule: r, limit: limit, groups: map[string]*list.Element{}, age: list.New()}
}

// add enters an event, with the numbers of those of the correlation's rules that it matches, and returns the groups for
// which the condition is true now. An event counts once in a group, however many rules it matches.
func (c *correlator) add(at time.Time, e *event.Event, hits []int) (fired []*group) {
	for _, p := range c.parts(e, hits) {
		value := ""
		if c.kind == valueCount {
			if value = e.Text(c.counted[p.hits[0]]); value == "" {
				c.ungrouped++
				continue
			}
		}
		g := c.enter(at, p)
		g.last = e
		g.count = g.window.add(at, value, p.hits)
		if c.closes() || g.count < c.least || !g.fired.IsZero() && at.Sub(g.fired) < c.span {
			continue
		}
		g.fired = at
		fired = append(fired, g)
	}
	return fired
}

func (c *correlator) parts(e *event.Event, hits []int) (parts []part) {
next:
	for _, i := range hits {
		values := make([]string, len(c.fields[i]))
		for k, field := range c.fields[i] {
			if values[k] = e.Text(field); values[k] == "" {
				c.ungrouped++
				continue next
			}
		}
		key := keyOf(values)
		for k := range parts {
			if parts[k].key == key {
				parts[k].hits = append(parts[k].hits, i)
				continue next
			}
		}
		parts = append(parts, part{key, values, []int{i}})
	}
	return parts
}

// keyOf joins values so that no two lists of them have the same key.
func keyOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteString(strconv.Itoa(len(v)))
		b.WriteByte(':')
		b.WriteString(v)
	}
	return b.String()
}

// enter returns the part's group. Where there is no room for one more, that goes which would have gone first.
func (c *correlator) enter(at time.Time, p part) *group {
	if known, ok := c.groups[p.key]; ok {
		g := known.Value.(*group)
		if !c.closes() {
			g.begun = at
			c.age.MoveToBack(known)
		}
		return g
	}
	if len(c.groups) >= c.limit {
		c.evicted++
		c.forget()
	}
	g := &group{key: p.key, values: p.values, begun: at, window: newWindow(c.correlation)}
	c.groups[p.key] = c.age.PushBack(g)
	return g
}

// due returns when the first group is over.
func (c *correlator) due() (at time.Time, ok bool) {
	first := c.age.Front()
	if first == nil {
		return time.Time{}, false
	}
	return first.Value.(*group).begun.Add(c.span), true
}

// close takes the first group away, and returns it if its window, over now, meets the condition.
func (c *correlator) close() *group {
	g := c.forget()
	if c.closes() && g.count >= c.least && g.count <= c.most {
		return g
	}
	return nil
}

func (c *correlator) forget() *group {
	g := c.age.Remove(c.age.Front()).(*group)
	delete(c.groups, g.key)
	return g
}
