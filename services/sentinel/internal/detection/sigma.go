package detection

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bradleyjkemp/sigma-go"
	"github.com/bradleyjkemp/sigma-go/evaluator"
	"github.com/bradleyjkemp/sigma-go/evaluator/modifiers"

	"redoubt.example/services/platform/event"
)

// matcher matches single events, by github.com/bradleyjkemp/sigma-go. What the library would take for something else than
// the specification says, or would only complain about when an event comes, is refused before: see check.
type matcher struct {
	logsource sigma.Logsource
	rule      *evaluator.RuleEvaluator
	// of is for which rule.id alone the detection can be true: nil for any. It spares the library most events.
	of []string
}

// product is what a rule's logsource names: the rules are about this platform's events, and no other's.
const product = "redoubt"

func newMatcher(raw []byte) (m *matcher, err error) {
	defer func() { // the library's parser is not ours
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("it can't be read: %v", r)
		}
	}()
	rule, err := sigma.ParseRule(raw)
	if err != nil {
		return nil, err
	}
	if err := check(rule); err != nil {
		return nil, err
	}
	m = &matcher{logsource: rule.Logsource, rule: evaluator.ForRule(rule)}
	m.of = only(rule.Detection.Conditions[0].Search, rule.Detection.Searches)
	if _, err := m.rule.Matches(context.Background(), map[string]any{}); err != nil {
		return nil, err
	}
	return m, nil
}

// matches tells whether the rule matches an event.
func (m *matcher) matches(ctx context.Context, e *event.Event) (bool, error) {
	if m.of != nil && !slices.Contains(m.of, e.Text(event.RuleID)) {
		return false, nil
	}
	result, err := m.rule.Matches(ctx, e.Fields)
	return result.Match, err
}

// fields are those that the rule looks at.
func (m *matcher) fields() (names []string) {
	for _, search := range m.rule.Detection.Searches {
		for _, matchers := range search.EventMatchers {
			for _, f := range matchers {
				names = append(names, f.Field)
			}
		}
	}
	return names
}

// only returns for which values of rule.id alone a condition can be true; nil: that can't be told.
func only(expr sigma.SearchExpr, all map[string]sigma.Search) []string {
	switch s := expr.(type) {
	case sigma.And:
		for _, part := range s {
			if values := only(part, all); values != nil {
				return values
			}
		}
	case sigma.Or:
		var union []string
		for _, part := range s {
			values := only(part, all)
			if values == nil {
				return nil
			}
			union = append(union, values...)
		}
		return union
	case sigma.SearchIdentifier:
		var union []string
		for _, fields := range all[s.Name].EventMatchers {
			values := exactly(fields)
			if values == nil {
				return nil
			}
			union = append(union, values...)
		}
		return union
	}
	return nil
}

func exactly(fields sigma.EventMatcher) (values []string) {
	for _, f := range fields {
		if f.Field == event.RuleID && len(f.Modifiers) == 0 {
			for _, v := range f.Values {
				values = append(values, strings.ToLower(modifiers.CoerceString(v))) // as controls are written; the library asks for no case
			}
			return values
		}
	}
	return nil
}
