package suite

import (
	"context"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// fuzzed is where the suite looks for new inputs, and doesn't only try the kept ones: what decides who calls, from bytes that
// anybody may send.
const (
	fuzzedModule = "services"
	fuzzedUnder  = "redoubt.example/services/platform/mesh/"
)

// fuzz runs each fuzz target for a few seconds. What it finds Go keeps in the package's testdata, where it fails the
// ordinary tests until it is mended.
func (s *Suite) fuzz(ctx context.Context, into *Part) error {
	packages, err := s.packages(ctx, fuzzedModule)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath, fuzzedUnder) {
			continue
		}
		for _, target := range p.fuzzTargets() {
			name := "^" + target + "$"
			if err := s.goTest(ctx, fuzzedModule, nil, into, []string{p.ImportPath}, "-run="+name, "-fuzz="+name, "-fuzztime=5s"); err != nil {
				return err
			}
		}
	}
	return nil
}

// fuzzTargets are the names of a package's fuzz tests.
func (p listed) fuzzTargets() (names []string) {
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		file := parse(filepath.Join(p.Dir, name))
		if file == nil {
			continue
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
