package contract_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestASecondLibraryReadsTheContract: gateway/secondreader has another library than we do. It is built here, since its module is
// outside the workspace.
func TestASecondLibraryReadsTheContract(t *testing.T) {
	program := filepath.Join(t.TempDir(), "secondreader")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../secondreader"
	build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("dial tcp")) || bytes.Contains(out, []byte("module lookup disabled")) {
			t.Skipf("skipped: the library can't be fetched: %s", out)
		}
		require.NoError(t, err, string(out))
	}
	out, err := exec.CommandContext(t.Context(), program, "../../openapi.yaml").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "OpenAPI 3.1.0, nothing wrong")

	text, err := os.ReadFile("../../openapi.yaml")
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"a parameter's place": {"in: path", "in: road"},
		"a schema's type":     {"type: object", "type: objekt"},
		"a reference":         {"#/components/schemas/Account\"", "#/components/schemas/Acount\""},
	} {
		bad := filepath.Join(t.TempDir(), "openapi.yaml")
		require.Contains(t, string(text), change[0])
		require.NoError(t, os.WriteFile(bad, []byte(strings.Replace(string(text), change[0], change[1], 1)), 0o600))
		require.Error(t, exec.CommandContext(t.Context(), program, bad).Run(), name)
	}
}
