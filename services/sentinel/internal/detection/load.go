package detection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"

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
