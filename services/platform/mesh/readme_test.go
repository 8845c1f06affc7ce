package mesh_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeNamesTests: each test that the README names is there.
func TestReadmeNamesTests(t *testing.T) {
	var sources strings.Builder
	for _, dir := range []string{".", "../../../scripts/e2e"} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, "_test.go") {
				var raw []byte
				raw, err = os.ReadFile(path)
				sources.Write(raw)
			}
			return err
		}))
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`(Test[A-Z]\\w*)(\\*?)`").FindAllStringSubmatch(string(readme), -1)
	require.Greater(t, len(named), 30)
	for _, n := range named {
		if n[1] == "TestMain" {
			continue
		}
		end := `\(`
		if n[2] == "*" {
			end = ""
		}
		require.True(t, regexp.MustCompile(`(?m)^func `+n[1]+end).MatchString(sources.String()), n[0])
	}
}
