package page_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/browser"
)

// chromium is a browser whose failures are the test's.
type chromium struct {
	*browser.Browser
	t *testing.T
}

func newChromium(t *testing.T) *chromium {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		t.Skip(err.Error())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	b, err := browser.Start(ctx)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		cancel()
	})
	return &chromium{b, t}
}

func (c *chromium) eval(expression string, into any) {
	c.t.Helper()
	require.NoError(c.t, c.Eval(expression, into))
}

func (c *chromium) wait(expression string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(c.t, c.Wait(ctx, expression))
}

func (c *chromium) open(url string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(c.t, c.Open(ctx, url))
}

// shoot keeps a picture where REDOUBT_TEST_SCREENSHOTS says, for people to look at.
func (c *chromium) shoot(name string) {
	folder := os.Getenv("REDOUBT_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := c.Shot()
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}
