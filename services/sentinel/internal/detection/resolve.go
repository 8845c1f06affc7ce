package detection

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"redoubt.example/services/platform/event"
)

// finish resolves the references of all that was read.
func (l *loader) finish() (*Rules, error) {
	set := &Rules{All: l.rules, correlated: map[*Rule]bool{}, bySource: map[string][]*Rule{}}
	for _, r := range l.rules {
		d := l.documents[r]
		if d.Correlation == nil {
			set.bySource[event.DatasetPrefix+r.match.logsource.Category] = append(set.bySource[event.DatasetPrefix+r.match.logsource.Category], r)
			continue
		}
		if err := l.resolve(r, d, set); err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s: %s: %w", cmp.Or(r.Folder, "rule"), r.Title, err))
		}
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return set, set.sort()
}

func (l *loader) resolve(r *Rule, d document, set *Rules) (err error) {
	c := d.Correlation
	r.combine = &correlation{kind: c.Type, groupBy: c.GroupBy}
	if r.combine.span, err = timespan(c.Timespan); err != nil {
		return err
	}
	if len(c.Rules) == 0 {
		return errors.New("it refers to no rule")
	}
	for _, name := range c.Rules {
		other := l.byName[name]
		switch {
		case other == nil:
			return fmt.Errorf("no rule has the name or ID %q", name)
		case slices.Contains(r.combine.rules, other):
			return fmt.Errorf("it refers to %q twice", name)
		}
		r.combine.rules = append(r.combine.rules, other)
		set.correlated[other] = true
		if !c.Generate && !d.Generate {
			other.Alerts = false
		}
	}
	if err := r.combine.setCondition(c.Condition); err != nil {
		return err
	}
	return r.combine.setFields(c.Condition, c.Aliases)
}

func (c *correlation) setCondition(asked *condition) (err error) {
	all := len(c.rules)
	switch {
	case !slices.Contains([]string{eventCount, valueCount, temporal, temporalOrdered}, c.kind):
		return fmt.Errorf("%q is no type of correlation that is known here", c.kind)
	case asked == nil && (c.kind == eventCount || c.kind == valueCount):
		return errors.New("a condition is needed")
	case asked == nil:
		c.least, c.most = all, unbounded
		return nil
	case (asked.Field != "") != (c.kind == valueCount):
		return errors.New("the condition names a field if values are counted, and only then")
	}
	if c.least, c.most, err = asked.limits(); err != nil {
		return fmt.Errorf("condition: %w", err)
	}
	switch c.kind {
	case valueCount:
		if max(c.least, boundOf(c.most)) > maxValues {
			return fmt.Errorf("condition: more than %d different values can't be counted", maxValues)
		}
	case temporal, temporalOrdered:
		if c.most >= all { // there are no more
			c.most = unbounded
		}
		if c.most != unbounded || c.least > all || c.least < 1 || c.kind == temporalOrdered && c.least != all {
			return errors.New("condition: that some of the rules don't match can't be told")
		}
	}
	return nil
}

func boundOf(most int) int {
	if most == unbounded {
		return 0
	}
	return most
}

// setFields finds out, for each rule, in which fields of its events the values are that aliases stand for.
func (c *correlation) setFields(asked *condition, aliases map[string]map[string]string) error {
	used := map[string]bool{}
	resolve := func(name string, r *Rule) (string, error) {
		field := name
		if alias, ok := aliases[name]; ok {
			used[name] = true
			field = cmp.Or(alias[r.Name], alias[r.ID])
			if field == "" {
				return "", fmt.Errorf("alias %q: it names no field of %s", name, cmp.Or(r.Name, r.ID))
			}
		}
		if !event.Known(field) {
			return "", fmt.Errorf("no event has the field %q", field)
		}
		return field, nil
	}
	for _, r := range c.rules {
		fields := make([]string, len(c.groupBy))
		for i, name := range c.groupBy {
			var err error
			if fields[i], err = resolve(name, r); err != nil {
				return err
			}
		}
		c.fields = append(c.fields, fields)
		if c.kind == valueCount {
			field, err := resolve(asked.Field, r)
			if err != nil {
				return err
			}
			c.counted = append(c.counted, field)
		}
	}
	for name := range aliases {
		if !used[name] {
			return fmt.Errorf("alias %q isn't used", name)
		}
	}
	return nil
}

var spanText = regexp.MustCompile(`^([1-9][0-9]{0,5})([smhd])$`)

func timespan(text string) (time.Duration, error) {
	m := spanText.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is no timespan: write 30s, 5m, 1h or 2d", text)
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	if span := time.Duration(n) * unit; err == nil && span <= 30*24*time.Hour {
		return span, nil
	}
	return 0, fmt.Errorf("a timespan of %s is too long", text)
}

// sort puts each correlation after those that it refers to.
func (s *Rules) sort() error {
	state := map[*Rule]int{} // 1: on the way, 2: done
	var visit func(r *Rule) error
	visit = func(r *Rule) error {
		switch {
		case r.combine == nil || state[r] == 2:
			return nil
		case state[r] == 1:
			return fmt.Errorf("%s: it refers to itself", r.Title)
		}
		state[r] = 1
		for _, other := range r.combine.rules {
			if err := visit(other); err != nil {
				return err
			}
		}
		state[r] = 2
		s.correlations = append(s.correlations, r)
		return nil
	}
	for _, r := range s.All {
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}
