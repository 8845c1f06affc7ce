package e2e_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/tap"
)

// tap sits between a service and its way to an upstream: what somebody who has taken over either end sees.
func (l *lab) tap(t testing.TB, service, upstream string) *tap.Tap {
	t.Helper()
	path := filepath.Join(l.runDir(t), service, "up-"+upstream+".sock")
	info, err := os.Stat(path)
	require.NoError(t, err)
	p, err := tap.Open(path, int(info.Sys().(*syscall.Stat_t).Uid))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// fresh has traffic made until a token passes, and returns one with most of its 15 seconds left.
func fresh(t testing.TB, p *tap.Tap, traffic func()) string {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if token, at := p.Token(); token != "" && time.Since(at) < 5*time.Second {
			return token
		}
		require.True(t, time.Now().Before(deadline), "no token passed")
		traffic()
	}
}
