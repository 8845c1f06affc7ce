package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// Lifecycle is that of an operation that is deprecated: the extension x-lifecycle.
type Lifecycle struct {
	Deprecated    time.Time // since then
	Sunset        time.Time // it may end then; zero: nobody knows yet
	Successor     string    // a path of this API, or ""
	Documentation string    // where to read about it

	header http.Header
}

// Announce sets Deprecation (RFC 9745, a structured field's date), Sunset (RFC 8594, an HTTP date) and Link (RFC 8288).
func (l *Lifecycle) Announce(h http.Header) {
	for name, values := range l.header {
		h[name] = values
	}
}

func (l *Lifecycle) prepare() {
	l.header = http.Header{"Deprecation": {fmt.Sprintf("@%d", l.Deprecated.Unix())}}
	links := []string{fmt.Sprintf(`<%s>; rel="deprecation"; type="text/html"`, l.Documentation)}
	if !l.Sunset.IsZero() {
		l.header.Set("Sunset", l.Sunset.UTC().Format(http.TimeFormat))
		links = append(links, fmt.Sprintf(`<%s>; rel="sunset"; type="text/html"`, l.Documentation))
	}
	if l.Successor != "" {
		links = append(links, fmt.Sprintf(`<%s>; rel="successor-version"`, l.Successor))
	}
	l.header.Set("Link", strings.Join(links, ", "))
}

func lifecycleOf(op *openapi3.Operation) (*Lifecycle, error) {
	value, ok := op.Extensions["x-lifecycle"]
	switch {
	case ok != op.Deprecated:
		return nil, errors.New("deprecated and x-lifecycle go together")
	case !ok:
		return nil, nil
	}
	var in struct{ Deprecated, Sunset, Successor, Documentation string }
	if err := extension(value, &in); err != nil {
		return nil, fmt.Errorf("x-lifecycle: %w", err)
	}
	l := &Lifecycle{Successor: in.Successor, Documentation: in.Documentation}
	var err error
	if l.Deprecated, err = time.Parse(time.DateOnly, in.Deprecated); err != nil {
		return nil, fmt.Errorf("x-lifecycle: deprecated: %w", err)
	}
	if in.Sunset != "" {
		if l.Sunset, err = time.Parse(time.DateOnly, in.Sunset); err != nil {
			return nil, fmt.Errorf("x-lifecycle: sunset: %w", err)
		}
		if l.Sunset.Before(l.Deprecated) {
			return nil, errors.New("x-lifecycle: sunset lies before deprecated") // RFC 9745 section 4
		}
	}
	if l.Documentation == "" {
		return nil, errors.New("x-lifecycle: documentation is missing")
	}
	l.prepare()
	return l, nil
}

// Retired is a part of the API that has ended: one path, or all below one that ends with /*.
type Retired struct {
	Path      string
	Retired   time.Time
	Successor string
	Reason    string // for the client
}

// RetiredAt returns what has ended at a request's path, or nil.
func (c *Contract) RetiredAt(path string) *Retired {
	for i, r := range c.Retired {
		below, wild := strings.CutSuffix(r.Path, "*")
		if path == r.Path || wild && strings.HasPrefix(path, below) {
			return &c.Retired[i]
		}
	}
	return nil
}

func retired(doc *openapi3.T) ([]Retired, error) {
	var in []struct{ Path, Retired, Successor, Reason string }
	if err := extension(doc.Extensions["x-retired"], &in); err != nil {
		return nil, fmt.Errorf("check contract: x-retired: %w", err)
	}
	var out []Retired
	for _, r := range in {
		at, err := time.Parse(time.DateOnly, r.Retired)
		if err != nil || !strings.HasPrefix(r.Path, "/") || r.Reason == "" {
			return nil, fmt.Errorf("check contract: x-retired: %q needs a path, a date and a reason", r.Path)
		}
		out = append(out, Retired{r.Path, at, r.Successor, r.Reason})
	}
	return out, nil
}

// extension decodes an x- field, strictly.
func extension(value, into any) error {
	if value == nil {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
