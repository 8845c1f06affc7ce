package tools_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

// offline makes a machine without the tool, without a way to the release site, and with a go command that does as
// the script says; $1 is the output's path.
func offline(t *testing.T, script string) (tools.Cache, tools.Tool, string) {
	t.Helper()
	bin, repo := open(t), t.TempDir()
	body := "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done; shift\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(body), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(repo, "module"), 0o755))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NOTES", filepath.Join(repo, "notes"))
	accept, err := version.NewConstraint(">= 1")
	require.NoError(t, err)
	tool := tools.Tool{Name: "redoubt-no-such-tool", Pinned: "1.2.3", Accept: accept, Module: "module", Package: ".", Release: product.Consul}
	return tools.Cache{Root: filepath.Join(open(t), "cache")}, tool, repo
}

func progress(t *testing.T) *term.Progress {
	t.Helper()
	p := term.NewPlainProgress(&strings.Builder{}, time.Hour)
	t.Cleanup(p.Close)
	return p
}

// programs lists what is in the cache, without the locks.
func programs(t *testing.T, cache tools.Cache) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache.Root, "tools"))
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestFailedBuildSaysWhyAndLeavesNothing(t *testing.T) {
	cache, tool, repo := offline(t, `echo half > "$1"; echo 'missing go.sum entry' >&2; exit 1`)
	_, err := cache.Obtain(t.Context(), repo, tool, progress(t))
	require.ErrorContains(t, err, "missing go.sum entry")
	require.Empty(t, programs(t, cache))
}

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	cache, tool, repo := offline(t, `echo half > "$1"; echo started >> "$NOTES"; sleep 300`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := cache.Obtain(ctx, repo, tool, progress(t))
		ended <- err
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(os.Getenv("NOTES")); return err == nil }, 20*time.Second, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, programs(t, cache))
}

func TestBuiltOnceForAll(t *testing.T) {
	cache, tool, repo := offline(t, `echo built >> "$NOTES"; sleep 0.3; echo '#!/bin/sh' > "$1"`)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			path, err := cache.Obtain(t.Context(), repo, tool, progress(t))
			if err == nil {
				require.Equal(t, filepath.Join(cache.Root, "tools", tool.Pin()), path)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	notes, err := os.ReadFile(os.Getenv("NOTES"))
	require.NoError(t, err)
	require.Equal(t, "built\n", string(notes))
	require.Equal(t, []string{tool.Pin()}, programs(t, cache))
	info, err := os.Stat(filepath.Join(cache.Root, "tools", tool.Pin()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm(), "workloads run it as other users")
}
