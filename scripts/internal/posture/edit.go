package posture

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"redoubt.example/infra/topology"
)

// editor takes things out of topology.yaml's text, and leaves the rest of it, comments included, as it is.
type editor struct {
	lines []string // with their ends; "" where a line was taken out
	root  *yaml.Node
}

func newEditor(text string) *editor {
	var document yaml.Node
	if yaml.Unmarshal([]byte(text), &document) != nil || len(document.Content) == 0 {
		return &editor{lines: []string{text}, root: &yaml.Node{}}
	}
	return &editor{lines: strings.SplitAfter(text, "\n"), root: document.Content[0]}
}

// String is the text as it is now.
func (e *editor) String() string { return strings.Join(e.lines, "") }

// key returns the value of a key in a mapping; an alias stands for what it names.
func key(node *yaml.Node, name string) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i := 0; node != nil && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// trim takes out callers that never called, and what nobody is left for; and secrets that were never read.
func (e *editor) trim(top *topology.Topology, seen Seen, basis string) (all []Line) {
	left := e.remaining(top, seen)
	for _, name := range top.Names() {
		routes := key(key(key(e.root, "services"), name), "routes")
		for i, r := range top.Services[name].Routes {
			kept := left[name+" "+r.Route]
			item := routes.Content[i]
			for _, caller := range r.Callers {
				if !slices.Contains(kept, caller) {
					all = append(all, Line{topologyFile, fmt.Sprintf("%s without its caller %s: %s", name, caller, r.Route), fmt.Sprintf("%s never called it; seen: %s", caller, basis)})
				}
			}
			switch {
			case len(kept) == len(r.Callers):
			case len(kept) > 0:
				e.setList(key(item, "callers"), "callers", kept)
			default:
				e.drop(item)
			}
			if len(kept) > 0 {
				e.trimCalls(key(item, "calls"), name, left)
			}
		}
	}
	for i, r := range top.Edge {
		if !slices.Contains(left[r.Upstream+" "+r.To], topology.Gateway) {
			e.drop(key(e.root, "edge").Content[i])
			all = append(all, Line{topologyFile, "the edge without " + r.Route, "it would lead to nothing; seen: " + basis})
		}
	}
	for group, names := range map[string][]string{"services": top.Names(), "jobs": top.JobNames()} {
		for _, name := range names {
			all = append(all, e.trimSecrets(key(key(e.root, group), name), name, secretsOf(top)[name], seen)...)
		}
	}
	return all
}

// remaining are the callers of each "service route" that called it. A route whose list of calls others refer to stays as it is.
func (e *editor) remaining(top *topology.Topology, seen Seen) map[string][]string {
	left := map[string][]string{}
	for name, s := range top.Services {
		routes := key(key(key(e.root, "services"), name), "routes")
		for i, r := range s.Routes {
			kept := e.anchored(routes.Content[i])
			for _, caller := range r.Callers {
				if kept || seen.used(caller, name, r.Route) {
					left[name+" "+r.Route] = append(left[name+" "+r.Route], caller)
				}
			}
		}
	}
	return left
}

// trimCalls takes calls out of a list that their callee no longer takes from this service.
func (e *editor) trimCalls(calls *yaml.Node, service string, left map[string][]string) {
	if calls == nil || calls.Kind == yaml.AliasNode { // where it is defined, it is trimmed
		return
	}
	for _, call := range calls.Content {
		if !slices.Contains(left[call.Value], service) {
			e.lines[call.Line-1] = ""
		}
	}
}

func (e *editor) trimSecrets(node *yaml.Node, name string, secrets []string, seen Seen) (all []Line) {
	var kept []string
	for _, path := range secrets {
		if seen.read(name, path) {
			kept = append(kept, path)
			continue
		}
		all = append(all, Line{topologyFile, name + " without the secret " + path, name + " never asked for it, by Vault's audit log"})
	}
	if len(all) > 0 {
		e.setList(key(node, "secrets"), "secrets", kept)
	}
	return all
}

// setList writes a list of one line anew.
func (e *editor) setList(list *yaml.Node, name string, values []string) {
	i := list.Line - 1
	at := regexp.MustCompile(name + `: \[[^\]]*\]`)
	e.lines[i] = at.ReplaceAllLiteralString(e.lines[i], name+": ["+strings.Join(values, ", ")+"]")
}

// drop takes out an item of a list, down to the last line of it.
func (e *editor) drop(item *yaml.Node) {
	for i := item.Line; i <= lastLine(item); i++ {
		e.lines[i-1] = ""
	}
}

func lastLine(node *yaml.Node) int {
	last := node.Line
	for _, child := range node.Content {
		last = max(last, lastLine(child))
	}
	return last
}

// anchored tells whether something in an item is named, and used elsewhere.
func (e *editor) anchored(item *yaml.Node) bool {
	var named, used []*yaml.Node
	var walk func(*yaml.Node, func(*yaml.Node))
	walk = func(n *yaml.Node, do func(*yaml.Node)) {
		do(n)
		for _, child := range n.Content {
			walk(child, do)
		}
	}
	walk(item, func(n *yaml.Node) {
		if n.Anchor != "" {
			named = append(named, n)
		}
	})
	walk(e.root, func(n *yaml.Node) {
		if n.Kind == yaml.AliasNode {
			used = append(used, n.Alias)
		}
	})
	return slices.ContainsFunc(named, func(n *yaml.Node) bool { return slices.Contains(used, n) })
}
