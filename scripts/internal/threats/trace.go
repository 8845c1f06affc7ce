package threats

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"redoubt.example/threatmodel"
)

// Step is one control on a threat's way in, with what an auditor asks of it.
type Step struct {
	Layer         string                    `json:"layer"`
	Control       string                    `json:"control"`
	Owner         string                    `json:"owner"`
	Stops         string                    `json:"stops"`
	Standard      string                    `json:"standard"`
	Configuration threatmodel.Configuration `json:"configuration"`
	Code          []string                  `json:"code"`    // file:line where it decides or says so
	Attacks       []string                  `json:"attacks"` // on this threat, that name it
}

// Trace walks a threat from the edge inwards. repo is the checkout that the code is looked up in.
func (m *Model) Trace(t threatmodel.Threat, repo string) ([]Step, error) {
	code, err := Enforcement(repo)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, layer := range threatmodel.Layers {
		for _, id := range t.Controls[layer] {
			c, ok := m.Control(id)
			if !ok {
				return nil, fmt.Errorf("threat %s names %s, which is no control", t.ID, id)
			}
			s := Step{Layer: layer, Control: id, Owner: c.Owner, Stops: c.Stops, Standard: c.Standard, Configuration: m.Configured[id], Code: code[id], Attacks: []string{}}
			for _, a := range m.Attacks {
				if a.Threat == t.ID && slices.Contains(a.Controls(), id) {
					s.Attacks = append(s.Attacks, a.ID)
				}
			}
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// Enforcement finds where in the platform's sources (file:line) each control is named by its constant: where it decides, is
// switched, or leaves its record.
func Enforcement(repo string) (map[string][]string, error) {
	names, err := constants(filepath.Join(repo, "services", "platform", "controls", "controls.go"))
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, root := range []string{"gateway", "services", "infra/controlplane"} {
		err := filepath.WalkDir(filepath.Join(repo, root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "platform/controls/") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			short, err := filepath.Rel(repo, path)
			if err != nil {
				return err
			}
			for n, line := range strings.Split(string(text), "\n") {
				for name, id := range names {
					if named(line, name, id) {
						found[id] = append(found[id], fmt.Sprintf("%s:%d", short, n+1))
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// named tells whether a line has controls.Name and not controls.NameLonger; infra, which can't import it, has the ID.
func named(line, name, id string) bool {
	_, after, ok := strings.Cut(line, "controls."+name)
	if !ok {
		return strings.Contains(line, strconv.Quote(id))
	}
	return after == "" || !isLetter(after[0])
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// constants are the register's, by name.
func constants(path string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			if id, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(id, ".") {
				names[spec.Names[0].Name] = id
			}
		}
		return true
	})
	return names, nil
}
