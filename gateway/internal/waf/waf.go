// Package waf inspects requests with OWASP's Core Rule Set, by Coraza. The verdict is always that of the unmodified
// rules; a screen before them, made of the same rules, tells in a fraction of their time that they would find nothing.
package waf

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// Levels is how many paranoia levels the Core Rule Set has, from 1.
const Levels = 4

const rulesFolder = "@owasp_crs"

// common to both rule sets. The methods are HTTP's that the API uses; the rest are the Core Rule Set's own defaults.
const setup = `
Include @coraza.conf-recommended
SecRuleEngine On
SecResponseBodyAccess Off
SecAuditEngine Off
SecRequestBodyLimit 16777216
SecRequestBodyInMemoryLimit 16777216
Include @crs-setup.conf.example
SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%d"
SecAction "id:900200,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=GET HEAD POST PUT PATCH DELETE OPTIONS'"
`

// Engine inspects requests at one paranoia level. It is safe for concurrent use.
type Engine struct {
	screen, rules coraza.WAF
	clean         memory
}

// Request is what is inspected of one.
type Request struct {
	Method, URI, Proto string // URI as it was sent: path and query
	Address            string // the client's, without the port
	Header             http.Header
	Body               []byte
}

// Verdict is the unmodified rules'.
type Verdict struct {
	Block bool
	Score int   // the anomaly score that Block was decided by
	Rules []int // those that matched and count, in their order
}

// Clean tells that no rule that counts matched.
func (v Verdict) Clean() bool { return !v.Block && v.Score == 0 && len(v.Rules) == 0 }

// New makes an engine for a paranoia level from 1 to 4. It takes a second or so.
func New(level int) (*Engine, error) {
	if level < 1 || level > Levels {
		return nil, levelError(level)
	}
	registerOperator()
	begin := fmt.Sprintf(setup, level)
	rules, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).
		WithDirectives(begin + "Include @owasp_crs/*.conf\n"))
	if err != nil {
		return nil, fmt.Errorf("load the Core Rule Set: %w", err)
	}
	s, err := newScreen(coreruleset.FS, level)
	if err != nil {
		return nil, err
	}
	screen, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(layered{s.expressions, coreruleset.FS}).
		WithDirectives(begin + s.directives.String()))
	if err != nil {
		return nil, fmt.Errorf("load the screen: %w", err)
	}
	e := &Engine{screen: screen, rules: rules}
	return e, e.learn()
}

// Inspect returns the Core Rule Set's verdict of a request.
func (e *Engine) Inspect(r Request) (Verdict, error) {
	head := r.head()
	if head != "" && e.clean.holds(head) {
		return Verdict{}, nil
	}
	clean, err := e.Screen(r)
	switch {
	case err != nil:
		return Verdict{}, err
	case !clean:
		return e.Rules(r)
	case head != "":
		e.clean.keep(head)
	}
	return Verdict{}, nil
}

// Screen tells whether the screen alone knows that the rules would find nothing.
func (e *Engine) Screen(r Request) (clean bool, err error) {
	tx := e.screen.NewTransaction()
	defer tx.Close()
	interruption, err := feed(tx, r)
	return interruption == nil, err
}

// Rules returns the verdict without asking the screen first.
func (e *Engine) Rules(r Request) (v Verdict, err error) {
	tx := e.rules.NewTransaction()
	defer tx.Close()
	interruption, err := feed(tx, r)
	if err != nil {
		return v, err
	}
	v.Block = interruption != nil
	if state, ok := tx.(plugintypes.TransactionState); ok {
		for _, score := range state.Variables().TX().Get("blocking_inbound_anomaly_score") {
			v.Score, _ = strconv.Atoi(score)
		}
	}
	for _, m := range tx.MatchedRules() {
		if id := m.Rule().ID(); counts(id) && m.Message() != "" {
			v.Rules = append(v.Rules, id)
		}
	}
	v.Rules = slices.Compact(v.Rules)
	return v, nil
}

// counts tells the rules that look at the request from those that set up and sum up.
func counts(id int) bool { return id >= 911_000 && id < 949_000 || id >= 200_000 && id < 201_000 }

func feed(tx types.Transaction, r Request) (*types.Interruption, error) {
	tx.ProcessConnection(r.Address, 0, "", 0)
	tx.ProcessURI(r.URI, r.Method, r.Proto)
	for name, values := range r.Header {
		for _, v := range values {
			tx.AddRequestHeader(name, v)
		}
	}
	if i := tx.ProcessRequestHeaders(); i != nil {
		return i, nil
	}
	if len(r.Body) > 0 {
		if i, _, err := tx.WriteRequestBody(r.Body); i != nil || err != nil {
			return i, err
		}
	}
	return tx.ProcessRequestBody()
}

// layered looks in one file system, then in another.
type layered struct{ first, then fs.FS }

func (l layered) Open(name string) (fs.File, error) {
	if f, err := l.first.Open(name); err == nil {
		return f, nil
	}
	return l.then.Open(name)
}

func (l layered) ReadFile(name string) ([]byte, error) {
	if text, err := fs.ReadFile(l.first, name); err == nil {
		return text, nil
	}
	return fs.ReadFile(l.then, name)
}
