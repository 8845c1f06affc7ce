package detection

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"redoubt.example/services/platform/event"
)

// Rules is a set of rules that belong together.
type Rules struct {
	All          []*Rule
	correlations []*Rule // what one refers to comes before it
	correlated   map[*Rule]bool
	bySource     map[string][]*Rule // detections by dataset
}

// Bounds of what is read: rules are data, and may be anybody's.
const (
	maxFile      = 64 << 10
	maxDocuments = 16
	maxDepth     = 12
)

// document is one YAML document of a rule, with the attributes of both specifications.
type document struct {
	Title          string
	ID             string
	Name           string
	Status         string
	Description    string
	Author         string
	Date           string
	Modified       string
	References     []string
	Tags           []string
	Level          string
	Logsource      yaml.Node
	Detection      yaml.Node
	FalsePositives []string
	Correlation    *struct {
		Type      string
		Rules     []string
		GroupBy   []string `yaml:"group-by"`
		Timespan  string
		Condition *condition
		Aliases   map[string]map[string]string
		Generate  bool
	}
	Generate        bool
	RegressionTests string `yaml:"regression_tests_path"`
}

// Load reads the rule.yml of each folder. All that is wrong is in the error.
func Load(folder fs.FS) (*Rules, error) {
	names, err := fs.Glob(folder, "*/rule.yml")
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	l := loader{byName: map[string]*Rule{}, documents: map[*Rule]document{}}
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err == nil {
			err = l.file(path.Dir(name), raw)
		}
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return l.finish()
}

// Parse reads one file with one or more documents.
func Parse(raw []byte) (*Rules, error) {
	l := loader{byName: map[string]*Rule{}, documents: map[*Rule]document{}}
	if err := l.file("", raw); err != nil {
		return nil, err
	}
	return l.finish()
}

type loader struct {
	rules     []*Rule
	byName    map[string]*Rule // by ID, too
	documents map[*Rule]document
	errs      []error
}

func (l *loader) file(folder string, raw []byte) error {
	if len(raw) > maxFile {
		return fmt.Errorf("it is longer than %d bytes", maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	for n := 0; ; n++ {
		var node yaml.Node
		err := decoder.Decode(&node)
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil:
			return err
		case n == maxDocuments:
			return fmt.Errorf("it has more than %d documents", maxDocuments)
		}
		if err := plain(&node, maxDepth); err != nil {
			return err
		}
		r, d, err := newRule(&node)
		if err != nil {
			return fmt.Errorf("document %d: %w", n+1, err)
		}
		r.Folder = folder
		for _, name := range []string{r.ID, r.Name} {
			if l.byName[name] != nil {
				return fmt.Errorf("document %d: %s is there twice", n+1, name)
			}
			if name != "" {
				l.byName[name] = r
			}
		}
		l.rules, l.documents[r] = append(l.rules, r), d
	}
}

// plain refuses what a rule doesn't need and a parser can choke on.
func plain(n *yaml.Node, depth int) error {
	switch {
	case depth == 0:
		return errors.New("it is nested too deeply")
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fmt.Errorf("line %d: anchors and aliases aren't taken", n.Line)
	}
	for _, child := range n.Content {
		if err := plain(child, depth-1); err != nil {
			return err
		}
	}
	return nil
}

var (
	uuid   = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	word   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	levels = []string{"informational", "low", "medium", "high", "critical"}
)

func newRule(node *yaml.Node) (*Rule, document, error) {
	raw, err := yaml.Marshal(node)
	if err != nil {
		return nil, document{}, err
	}
	var d document
	strict := yaml.NewDecoder(bytes.NewReader(raw))
	strict.KnownFields(true)
	if err := strict.Decode(&d); err != nil {
		return nil, d, err
	}
	switch {
	case d.Title == "" || len(d.Title) > 256:
		return nil, d, errors.New("a title of up to 256 characters is needed")
	case !uuid.MatchString(d.ID):
		return nil, d, fmt.Errorf("%q is no UUID", d.ID)
	case d.Name != "" && !word.MatchString(d.Name):
		return nil, d, fmt.Errorf("%q is no name: small letters, digits and _", d.Name)
	case d.Level != "" && !slices.Contains(levels, d.Level):
		return nil, d, fmt.Errorf("%q is no level", d.Level)
	case (d.Detection.Kind != 0) == (d.Correlation != nil):
		return nil, d, errors.New("either a detection or a correlation is needed")
	}
	r := &Rule{ID: d.ID, Name: d.Name, Title: d.Title, Description: d.Description, Level: d.Level, Tags: d.Tags, Alerts: true}
	if d.Correlation != nil {
		return r, d, nil
	}
	if r.match, err = newMatcher(raw); err != nil {
		return nil, d, err
	}
	for _, field := range r.match.fields() {
		if !event.Known(field) {
			return nil, d, fmt.Errorf("no event has the field %q", field)
		}
	}
	return r, d, nil
}

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

// matches returns the detections that match an event, and how many could not be evaluated.
func (s *Rules) matches(ctx context.Context, e *event.Event) (matched []*Rule, failed int) {
	for _, r := range s.bySource[e.Text(event.Dataset)] {
		ok, err := r.match.matches(ctx, e)
		if err != nil {
			failed++
		}
		if ok {
			matched = append(matched, r)
		}
	}
	return matched, failed
}
