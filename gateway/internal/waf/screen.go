package waf

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing/fstest"
	"unicode/utf8"
)

// The screen is a second, much faster rule set that finds no less than the Core Rule Set does: a request in which it
// finds nothing is one in which the Core Rule Set finds nothing, and any other goes to the unmodified rules, whose
// verdict alone counts. It is made of the same rules by steps of which each can only let more through to them:
//
//   - rules with the same variables, transformations and phase become one, which matches where any of their regular
//     expressions or phrase lists does: one automaton (package dfa) instead of dozens of expressions after another;
//   - of a chain only the first rule is asked;
//   - exceptions (a variable, a rule or a target taken away) are left out;
//   - the first match ends it: no scores are added up, and no messages are made of it.
//
// Rules of another kind (comparisons, counts, negations, libinjection's) stay as they are.

// content are the files whose rules look for attacks in what the client sent; the others check the protocol, where a
// match of a chain's first rule, or of a variable among several, is nothing unusual.
var content = regexp.MustCompile(`^REQUEST-(?:921|930|931|932|933|934|941|942|943|944)-`)

// common are the variables that nearly every content rule looks into.
var common = []string{"REQUEST_COOKIES", "REQUEST_COOKIES_NAMES", "ARGS_NAMES", "ARGS", "XML:/*"}

// harmless are variables that a rule may look into besides, without its finding something where it needn't.
var harmless = []string{"REQUEST_FILENAME", "REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS:Referer"}

// group is what rules must have in common to become one.
type group struct {
	phase, variables, transformations string
	multiMatch, bytes                 bool
}

// screen holds the rules for one paranoia level, and the expressions of its groups by file name.
type screen struct {
	directives  strings.Builder
	expressions fstest.MapFS
}

func newScreen(crs fs.FS, level int) (*screen, error) {
	files, err := fs.Glob(crs, rulesFolder+"/REQUEST-*.conf")
	if err != nil {
		return nil, err
	}
	groups, kept := map[group][]rule{}, []rule{}
	for _, file := range files {
		if strings.Contains(file, "REQUEST-949-") { // adds up scores
			continue
		}
		text, err := fs.ReadFile(crs, file)
		if err != nil {
			return nil, err
		}
		rules, err := parseRules(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, r := range rules {
			switch {
			case r.level() > level || r.onlyTakesAway():
			case content.MatchString(path.Base(file)) && r.fusible():
				g := r.group()
				groups[g] = append(groups[g], r)
				if r.Operator == "@rx" && arbitraryBytes.MatchString(r.Argument) {
					g.bytes = true
					groups[g] = append(groups[g], r)
				}
			default:
				kept = append(kept, r)
			}
		}
	}
	s := &screen{expressions: fstest.MapFS{}}
	for _, r := range prune(kept) {
		s.keep(r)
	}
	return s, s.fuse(crs, groups)
}

// onlyTakesAway: without the rule no other matches less.
func (r rule) onlyTakesAway() bool {
	if r.marker != "" {
		return false
	}
	return slices.Contains(r.Variables, "TX:DETECTION_PARANOIA_LEVEL") || r.mentions("ctl:ruleremove")
}

func (r rule) fusible() bool {
	switch r.Operator {
	case "@rx":
		if _, err := syntax.Parse(prefix+r.Argument, syntax.Perl); err != nil {
			return false
		}
	case "@pm", "@pmFromFile", "@pmf":
	default:
		return false
	}
	for _, v := range r.Variables {
		if strings.HasPrefix(v, "&") || strings.HasPrefix(v, "TX") || strings.HasPrefix(v, "MATCHED_") {
			return false
		}
	}
	return !r.skipBefore && r.accuses()
}

// accuses tells whether a match of the rule speaks against the request: others count or remember something.
func (r rule) accuses() bool {
	if r.ID < 910_000 { // sets scores to nothing, and defaults
		return r.has("deny")
	}
	return r.mentions("anomaly_score_pl") || r.has("block") || r.has("deny") || r.has("drop")
}

// prefix is what Coraza puts before every expression.
const prefix = "(?sm)"

// arbitraryBytes finds expressions that may mean bytes instead of characters: Coraza gives some of them to another
// engine, without the prefix. They are looked for both ways.
var arbitraryBytes = regexp.MustCompile(`\\x\{?[89a-fA-F][0-9a-fA-F]`)

func (r rule) group() group {
	variables := slices.DeleteFunc(slices.Clone(r.Variables), func(v string) bool { return strings.HasPrefix(v, "!") })
	more := slices.DeleteFunc(slices.Clone(variables), func(v string) bool { return slices.Contains(common, v) })
	if len(variables)-len(more) == len(common) {
		if !slices.ContainsFunc(more, func(v string) bool { return !slices.Contains(harmless, v) }) {
			variables = append(slices.Clone(common), harmless...)
		}
	}
	slices.Sort(variables)
	return group{r.Phase, strings.Join(variables, "|"), strings.Join(r.transformations(), ","), r.has("multiMatch"), false}
}

// fuse writes one rule for each group, always in the same order.
func (s *screen) fuse(crs fs.FS, groups map[group][]rule) error {
	keys := make([]group, 0, len(groups))
	for g := range groups {
		keys = append(keys, g)
	}
	slices.SortFunc(keys, func(a, b group) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for i, g := range keys {
		var expressions []string
		for _, r := range groups[g] {
			e, err := r.expression(crs, g.bytes)
			if err != nil {
				return fmt.Errorf("rule %d: %w", r.ID, err)
			}
			expressions = append(expressions, e)
		}
		name := fmt.Sprintf("group-%d", i)
		if g.bytes {
			name += bytesSuffix
		}
		s.expressions[name] = &fstest.MapFile{Data: []byte(strings.Join(expressions, "\x00"))}
		actions := []string{fmt.Sprintf("id:%d", firstGroup+i), "phase:" + g.phase, "deny", "nolog", "t:none"}
		for _, t := range strings.FieldsFunc(g.transformations, func(r rune) bool { return r == ',' }) {
			actions = append(actions, "t:"+t)
		}
		if g.multiMatch {
			actions = append(actions, "multiMatch")
		}
		fmt.Fprintf(&s.directives, "SecRule %s \"@%s %s\" \"%s\"\n", g.variables, operatorName, name, strings.Join(actions, ","))
	}
	return nil
}

// firstGroup numbers groups where the Core Rule Set has no rules.
const firstGroup = 9_000_000

// expression says in one regular expression what the rule's operator looks for.
func (r rule) expression(crs fs.FS, bytes bool) (string, error) {
	if bytes {
		return r.Argument, nil
	}
	if r.Operator == "@rx" {
		return prefix + r.Argument, nil
	}
	phrases := strings.Split(r.Argument, " ")
	if r.Operator != "@pm" {
		text, err := fs.ReadFile(crs, path.Join(rulesFolder, r.Argument))
		if err != nil {
			return "", err
		}
		phrases = nil
		for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
			if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
				phrases = append(phrases, line)
			}
		}
	}
	for i, p := range phrases {
		if !utf8.ValidString(p) {
			return "", fmt.Errorf("the phrase %q is not UTF-8", p)
		}
		phrases[i] = regexp.QuoteMeta(p)
	}
	return "(?i)(?:" + strings.Join(phrases, "|") + ")", nil
}
