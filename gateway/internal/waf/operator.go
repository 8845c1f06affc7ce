package waf

import (
	"io/fs"
	"strings"
	"sync"

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"redoubt.example/gateway/internal/dfa"
)

// operatorName is ours among Coraza's operators, which are the process's: none of its own is replaced.
const operatorName = "redoubtAny"

// bytesSuffix ends the name of a group whose expressions mean bytes.
const bytesSuffix = "-bytes"

var registerOperator = sync.OnceFunc(func() { plugins.RegisterOperator(operatorName, newAny) })

// anyOf matches where any expression of a group does.
type anyOf struct{ set *dfa.Set }

func newAny(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
	text, err := fs.ReadFile(o.Root, o.Arguments)
	if err != nil {
		return nil, err
	}
	compile := dfa.New
	if strings.HasSuffix(o.Arguments, bytesSuffix) {
		compile = dfa.NewBytes
	}
	set, err := compile(strings.Split(string(text), "\x00")...)
	if err != nil {
		return nil, err
	}
	return anyOf{set}, nil
}

// Evaluate says yes, too, where the automaton can't tell: the unmodified rules will.
func (a anyOf) Evaluate(_ plugintypes.TransactionState, value string) bool {
	matched, known := a.set.Match(value)
	return matched || !known
}
