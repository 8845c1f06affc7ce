package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	const result = "../../loadtest/report/testdata/result.json"
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	text, err := os.ReadFile(result)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(in("cut.json"), text[:len(text)/2], 0o600))

	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"no file":              {2, nil},
		"a file that isn't":    {2, []string{in("missing.json")}},
		"half a result":        {2, []string{in("cut.json")}},
		"half a baseline":      {2, []string{result, "--baseline", in("cut.json")}},
		"a tolerance of less":  {2, []string{result, "--tolerance", "-1"}},
		"nowhere to write":     {1, []string{result, "--html", in("no/such/folder.html")}},
		"the same as baseline": {0, []string{result, "--baseline", result}},
		"every format": {0, []string{result, "--html", in("r.html"), "--markdown", in("r.md"), "--junit", in("r.xml"),
			"--benchstat", in("r.txt"), "--smaller-is-better", in("r.tracking.json")}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.code, execute(append([]string{"report"}, c.args...))) })
	}
	for _, name := range []string{"r.html", "r.md", "r.xml", "r.txt", "r.tracking.json"} {
		info, err := os.Stat(in(name))
		require.NoError(t, err)
		require.Positive(t, info.Size(), name)
	}
}
