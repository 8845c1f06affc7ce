package architecture_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/architecture"
	"redoubt.example/scripts/internal/suite"
)

func TestBans(t *testing.T) {
	for _, i := range []architecture.Import{
		{From: "redoubt.example/services/payments", To: "redoubt.example/services/ingestion"},
		{From: "redoubt.example/services/payments/internal/httpapi", To: "redoubt.example/infra/topology"},
		{From: "redoubt.example/services/payments/internal/ledger", To: "github.com/jackc/pgx/v5"},
		{From: "redoubt.example/services/payments/internal/ledger", To: "github.com/labstack/echo/v4"},
		{From: "redoubt.example/services/payments/internal/ledger", To: "redoubt.example/services/platform/secrets"},
		{From: "redoubt.example/services/platform/mesh", To: "redoubt.example/services/payments"},
		{From: "redoubt.example/services/platform/mesh", To: "redoubt.example/infra/controlplane"},
		{From: "redoubt.example/services/platform/mesh", To: "redoubt.example/infra/controlplane/controlplanetest"},
		{From: "redoubt.example/gateway", To: "redoubt.example/services/ingestion"},
		{From: "redoubt.example/gateway", To: "redoubt.example/scripts/internal/term"},
		{From: "redoubt.example/infra/controlplane", To: "redoubt.example/services/platform/attest"},
		{From: "redoubt.example/loadtest/attacks", To: "redoubt.example/services/platform/mesh"},
		{From: "redoubt.example/threatmodel", To: "redoubt.example/infra/topology"},
		{From: "redoubt.example/scripts/lab", To: "redoubt.example/services/payments"},
		{From: "redoubt.example/servicesx", To: "redoubt.example/infra/topology"},
	} {
		require.NotEmpty(t, architecture.Ban(i), "%+v", i)
	}
	for _, i := range []architecture.Import{
		{From: "redoubt.example/services/payments", To: "redoubt.example/services/platform/workload"},
		{From: "redoubt.example/services/payments", To: "redoubt.example/services/payments/internal/ledger"},
		{From: "redoubt.example/services/payments/internal/postgres", To: "github.com/jackc/pgx/v5"},
		{From: "redoubt.example/services/payments/internal/postgres", To: "redoubt.example/infra/controlplane/controlplanetest", Test: true},
		{From: "redoubt.example/services/platform/boundarytest", To: "redoubt.example/infra/controlplane/controlplanetest"},
		{From: "redoubt.example/services/platform/policy", To: "redoubt.example/infra/topology"},
		{From: "redoubt.example/gateway/internal/edge", To: "redoubt.example/services/platform/mesh"},
		{From: "redoubt.example/scripts/internal/stack", To: "redoubt.example/infra/controlplane"},
		{From: "redoubt.example/loadtest/attacks", To: "redoubt.example/threatmodel"},
		{From: "redoubt.example/infra/controlplane", To: "redoubt.example/infra/process"},
		{From: "redoubt.example/infra/controlplane", To: "github.com/hashicorp/vault/api"},
	} {
		require.Empty(t, architecture.Ban(i), "%+v", i)
	}
}

// TestImports holds every package of every module to the table.
func TestImports(t *testing.T) {
	seen := 0
	for _, module := range suite.Modules {
		list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
		list.Dir = filepath.Join("..", "..", "..", module)
		out, err := list.Output()
		require.NoError(t, err, module)
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p struct {
				ImportPath                         string
				Imports, TestImports, XTestImports []string
			}
			err := dec.Decode(&p)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			for _, to := range p.Imports {
				check(t, architecture.Import{From: p.ImportPath, To: to})
			}
			for _, to := range append(p.TestImports, p.XTestImports...) {
				check(t, architecture.Import{From: p.ImportPath, To: to, Test: true})
			}
			seen++
		}
	}
	require.Greater(t, seen, 20, "go list found hardly anything")
}

func check(t *testing.T, i architecture.Import) {
	t.Helper()
	if why := architecture.Ban(i); why != "" {
		t.Errorf("%s imports %s: %s", strings.TrimPrefix(i.From, "redoubt.example/"), strings.TrimPrefix(i.To, "redoubt.example/"), why)
	}
}
