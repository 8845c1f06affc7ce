package boundary_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoOtherWayIn: the routes of the two adapters are compared with topology.yaml before they serve. So that no API can be
// beside them, nothing else in this module makes a router or serves; what does for another reason says so here.
func TestNoOtherWayIn(t *testing.T) {
	servers := []string{"echo.New", "http.Serve", "http.ServeTLS", "http.ListenAndServe", "http.ListenAndServeTLS", "http.Server", "http.NewServeMux", "http.HandleFunc",
		"grpc.NewServer", "httptest.NewServer"}
	allowed := map[string]string{
		"platform/httpserver/httpserver.go":           "the HTTP adapter",
		"platform/httpserver/admin.go":                "health, metrics and the operator's orders, on a socket that only its user opens",
		"platform/grpcserver/grpcserver.go":           "the gRPC adapter",
		"platform/mesh/internal/plane/admin.go":       "the data plane's health and orders, on a socket that only its user and root open",
		"platform/mesh/internal/envoy/agent/serve.go": "the same of the agent beside an Envoy",
		"platform/mesh/internal/envoy/agent/ads.go":   "Consul's xDS for that Envoy, on a socket that only its user opens",
		"platform/attest/attestor/serve.go":           "documents for the control plane's own tools, on a socket that only its user opens",
		"platform/telemetrytest/receiver.go":          "a collector for tests",
	}
	const module = "../.."
	used := map[string]bool{}
	require.NoError(t, filepath.WalkDir(module, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "testdata" { // programs that play somebody else
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(module, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok && slices.Contains(servers, pkg.Name+"."+selector.Sel.Name) {
				used[name] = true
				require.Contains(t, allowed, filepath.ToSlash(name), "%s.%s: a route that topology.yaml doesn't list", pkg.Name, selector.Sel.Name)
			}
			return true
		})
		return nil
	}))
	for name := range allowed {
		require.True(t, used[name], "%s serves nothing any more", name)
	}
}
