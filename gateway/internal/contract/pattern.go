package contract

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxPatternSubject is the longest text that a pattern is tried on: the library tries it also where maxLength has been exceeded,
// and a regular expression is the slowest thing in a schema.
const maxPatternSubject = 4 << 10

type pattern struct{ *regexp.Regexp }

// MatchString refuses what is too long for any pattern of the contract: boundedPatterns makes sure of that.
func (p pattern) MatchString(s string) bool {
	return len(s) <= maxPatternSubject && p.Regexp.MatchString(s)
}

func compilePattern(text string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(text)
	return pattern{re}, err
}

// boundedPatterns refuses a pattern without a maxLength beside it that fits maxPatternSubject.
func boundedPatterns(at string, node any) error {
	switch n := node.(type) {
	case map[string]any:
		if _, ok := n["pattern"].(string); ok {
			var most int64 = -1
			if number, ok := n["maxLength"].(interface{ Int64() (int64, error) }); ok {
				most, _ = number.Int64()
			}
			if most < 0 || most*4 > maxPatternSubject {
				return fmt.Errorf("%s: a pattern needs a maxLength of at most %d beside it", at, maxPatternSubject/4)
			}
		}
		for name, child := range n {
			if err := boundedPatterns(at+"/"+name, child); err != nil {
				return err
			}
		}
	case []any:
		for i, child := range n {
			if err := boundedPatterns(fmt.Sprintf("%s/%d", at, i), child); err != nil {
				return err
			}
		}
	}
	return nil
}

// pointerOf turns "#/components/parameters/ID" into its parts.
func pointerOf(ref string) []string { return strings.Split(strings.TrimPrefix(ref, "#/"), "/") }

// escapePointer writes a JSON pointer as a URL's fragment.
func escapePointer(p string) string { return (&url.URL{Fragment: p}).EscapedFragment() }

func lower(method string) string { return strings.ToLower(method) }
