package detection

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bradleyjkemp/sigma-go"
	"github.com/bradleyjkemp/sigma-go/evaluator/modifiers"

	"redoubt.example/services/platform/event"
)

// check refuses a rule that the library would take for something else than the specification says, or that is never or always true.
func check(r sigma.Rule) error {
	switch source := r.Logsource; {
	case source.Product != product:
		return fmt.Errorf("logsource: the product is %q", product)
	case !slices.Contains(event.Datasets(), event.DatasetPrefix+source.Category):
		return fmt.Errorf("logsource: no events have the category %q", source.Category)
	case len(r.Detection.Conditions) != 1:
		return errors.New("one condition is needed")
	case r.Detection.Conditions[0].Aggregation != nil || r.Detection.Timeframe != 0:
		return errors.New("aggregations are obsolete: write a correlation")
	}
	used := map[string]bool{}
	if err := uses(r.Detection.Conditions[0].Search, r.Detection.Searches, used); err != nil {
		return err
	}
	for name, search := range r.Detection.Searches {
		switch {
		case !used[name]:
			return fmt.Errorf("the condition doesn't use %q", name)
		case len(search.Keywords) > 0:
			return fmt.Errorf("%s: there is no text to search for keywords: name a field", name)
		case len(search.EventMatchers) == 0:
			return fmt.Errorf("%s: it is empty, and matches everything", name)
		}
		for _, fields := range search.EventMatchers {
			if len(fields) == 0 {
				return fmt.Errorf("%s: it is empty, and matches everything", name)
			}
			for _, f := range fields {
				if err := checkField(f); err != nil {
					return fmt.Errorf("%s: %s: %w", name, f.Field, err)
				}
			}
		}
	}
	return nil
}

// uses notes which searches a condition names. To the library a name that isn't there is just false.
func uses(expr sigma.SearchExpr, all map[string]sigma.Search, used map[string]bool) error {
	named := func(pattern string) error {
		found := false
		for name := range all {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				found, used[name] = true, true
			}
		}
		if !found {
			return fmt.Errorf("the condition names %q, which isn't there", pattern)
		}
		return nil
	}
	switch s := expr.(type) {
	case sigma.And:
		return each(s, all, used)
	case sigma.Or:
		return each(s, all, used)
	case sigma.Not:
		return uses(s.Expr, all, used)
	case sigma.SearchIdentifier:
		return named(s.Name)
	case sigma.OneOfPattern:
		return named(s.Pattern)
	case sigma.AllOfPattern:
		return named(s.Pattern)
	case sigma.OneOfThem, sigma.AllOfThem:
		return named("*")
	}
	return fmt.Errorf("the condition has a %T, which isn't known here", expr)
}

func each(list []sigma.SearchExpr, all map[string]sigma.Search, used map[string]bool) error {
	for _, expr := range list {
		if err := uses(expr, all, used); err != nil {
			return err
		}
	}
	return nil
}

func checkField(f sigma.FieldMatcher) error {
	how := f.Modifiers
	if len(how) > 0 && how[len(how)-1] == "all" {
		how = how[:len(how)-1]
	}
	if _, err := modifiers.GetComparator(f.Field, modifiers.Comparators, how...); err != nil {
		return err
	}
	if len(f.Values) == 0 {
		return errors.New("it has no value")
	}
	kind := ""
	if len(how) > 0 {
		kind = how[len(how)-1]
	}
	if slices.Contains([]string{"gt", "gte", "lt", "lte"}, kind) && !event.Number(f.Field) {
		return errors.New("it holds no number to compare") // the library panics on some texts
	}
	for _, v := range f.Values {
		if err := checkValue(kind, v); err != nil {
			return err
		}
	}
	return nil
}

// checkValue: the library finds a regular expression, a network or a number wrong only when it compares, and says nothing.
func checkValue(kind string, v any) (err error) {
	var value string
	switch v := v.(type) {
	case string:
		value = v
	case int:
		value = strconv.Itoa(v)
	default:
		return fmt.Errorf("a value is a text or a whole number, not %v", v)
	}
	compare, err := modifiers.GetComparator("", modifiers.Comparators, strings.Fields(kind)...)
	if err != nil {
		return err
	}
	switch kind {
	case "re":
		_, err = regexp.Compile(value)
	case "cidr":
		_, err = netip.ParsePrefix(value)
	case "gt", "gte", "lt", "lte":
		_, err = strconv.Atoi(value)
	default:
		switch {
		case value == "":
			return errors.New("an empty value")
		case strings.ContainsAny(value, `*?\`):
			return fmt.Errorf("wildcards aren't taken for such here: write %q with contains, startswith, endswith or re", value)
		case strings.HasPrefix(value, "%") && strings.HasSuffix(value, "%"):
			return fmt.Errorf("placeholders aren't known here: %s", value)
		}
	}
	if err != nil {
		return err
	}
	if matches, err := compare(nil, value); err == nil && matches {
		return fmt.Errorf("%q matches where the field is missing, too: the library reads <nil> there", value)
	}
	return nil
}
