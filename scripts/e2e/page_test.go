package e2e_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/browser"
)

// tab is a lab's page in a real browser.
type tab struct {
	*browser.Browser
	t    *testing.T
	page string
}

func (l *lab) tab(t *testing.T) *tab {
	t.Helper()
	b, err := browser.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	link, _, _ := strings.Cut(l.run(t, "page").stdout, "\n")
	page, _, ok := strings.Cut(link, "open/")
	require.True(t, ok, link)
	require.NoError(t, b.Call("Page.navigate", map[string]any{"url": link}, nil))
	p := &tab{b, t, page}
	p.wait("document.querySelector('h1')?.textContent === 'Map'", 20*time.Second)
	return p
}

func (p *tab) wait(expression string, within time.Duration) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), within)
	defer cancel()
	require.NoError(p.t, p.Wait(ctx, expression))
}

func (p *tab) open(view, ready string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(p.t, p.Open(ctx, p.page+view))
	p.wait(ready, 20*time.Second)
}

// press finds a button by the name that a screen reader says, and waits until what it orders is done.
func (p *tab) press(name string) {
	p.t.Helper()
	found := `[...document.querySelectorAll("button")].find((b) => (b.getAttribute("aria-label") ?? b.textContent) === "` + name + `")`
	p.wait(found, 20*time.Second)
	require.NoError(p.t, p.Eval(found+".click()", nil))
	p.wait("!document.querySelector('button[aria-disabled=true]')", 2*time.Minute)
}

func needsBrowser(t *testing.T) {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		t.Skip(err.Error())
	}
}

// TestPage uses the buttons of a lab's page, and looks by the command line whether they did what they say.
func TestPage(t *testing.T) {
	t.Parallel()
	needsBrowser(t)
	l := up(t, "--respond", "propose")
	p := l.tab(t)
	state := func() (states []string) {
		var all struct {
			Responses []struct{ Action, State string }
		}
		l.json(t, &all, "respond", "list")
		for _, r := range all.Responses {
			if r.Action == "isolate-service" {
				states = append(states, r.State)
			}
		}
		return states
	}

	p.open("attacks", "document.querySelectorAll('#list tbody tr').length > 50")
	p.press("Run, mesh.lateral.notification-payments")
	p.wait("document.querySelector('#verdict')?.textContent.startsWith('BLOCKED')", time.Second)

	p.open("alerts", "document.querySelector('#responses table')")
	p.press("Approve, isolate-service notification")
	require.Contains(t, state(), "done")
	p.press("Undo, isolate-service notification")
	require.Contains(t, state(), "undone")
	require.NotContains(t, state(), "done")

	serials := func() (ids []string) { // a certificate that was replaced is listed until it ends
		var all []struct{ Holder, Kind, ID string }
		l.json(t, &all, "secrets", "list")
		for _, s := range all {
			if s.Kind == "mesh certificate" && s.Holder == "payments" {
				ids = append(ids, s.ID)
			}
		}
		return ids
	}
	before := serials()
	p.open("secrets", "document.querySelectorAll('#list tbody tr').length > 5")
	p.wait("!document.body.innerText.includes('Busy:')", time.Minute) // one order at a time: undo lasts until the service is back
	p.press("All certificates, rotate")
	// The list is made of events, which take a moment.
	require.Eventually(t, func() bool { return !slices.Equal(before, serials()) }, 15*time.Second, 200*time.Millisecond, "payments has a new one")

	require.Empty(t, p.Said, "the browser complains of something")
}

// TestPageOfAnExercise: a lab that was started to be broken has a page, too.
func TestPageOfAnExercise(t *testing.T) {
	t.Parallel()
	needsBrowser(t)
	if testing.Short() {
		t.Skip("skipped: starts the whole platform; run without -short")
	}
	l := &lab{dir: filepath.Join(t.TempDir(), "lab")}
	t.Cleanup(func() { l.run(t, "down") })
	got := l.run(t, "exercise", "start", "01")
	require.Zero(t, got.code, got.stderr)
	p := l.tab(t)
	p.open("exercises", "document.querySelector('#current strong')?.textContent.startsWith('01-')")
	p.press("Check, 01-trusted-network")
	p.wait("document.querySelector('#outcome li .bad')", time.Second)
	p.press("Reset, 01-trusted-network")
	p.wait("!document.querySelector('#outcome .bad')", time.Second)
	p.press("Stop, 01-trusted-network")
	p.wait("document.querySelector('#current .none')", time.Second)
	l.refresh(t)
	require.Empty(t, l.status.Exercise)
	require.Empty(t, p.Said, "the browser complains of something")
}
