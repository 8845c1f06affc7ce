package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// listed is a package as go list describes it.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// packages lists a module's; a module may have none yet.
func (s *Suite) packages(ctx context.Context, module string, env ...string) ([]listed, error) {
	out, err := s.command(ctx, module, env, "go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var all []listed
	out = out[max(0, strings.Index(out, "{")):] // after the warning that there are none
	if !strings.HasPrefix(out, "{") {
		return nil, nil
	}
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

func (p listed) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// concurrent tells whether a package starts goroutines or guards against others': then its tests are worth the race
// detector's price.
func (p listed) concurrent() bool {
	for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
		file := parse(filepath.Join(p.Dir, name))
		if file == nil {
			continue
		}
		found := slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
			path := strings.Trim(i.Path.Value, `"`)
			return path == "sync" || path == "sync/atomic" || strings.HasPrefix(path, "golang.org/x/sync/")
		})
		ast.Inspect(file, func(n ast.Node) bool {
			_, starts := n.(*ast.GoStmt)
			found = found || starts
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// parse reads a source file; nil for one that isn't Go: the compiler says it better.
func parse(path string) *ast.File {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	return file
}
