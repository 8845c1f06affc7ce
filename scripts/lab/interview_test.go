package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/interview"
	"redoubt.example/threatmodel"
)

// TestSheetsNameVerbsThatThereAre: what an interviewer is told to look with exists.
func TestSheetsNameVerbsThatThereAre(t *testing.T) {
	all, err := threatmodel.Interviews()
	require.NoError(t, err)
	root := (&app{}).root()
	for _, i := range all {
		for _, s := range i.Trace {
			if s.See == "" {
				continue
			}
			words := strings.Fields(s.See)[1:]
			cmd, rest, err := root.Find(words)
			require.NoError(t, err, s.See)
			require.False(t, cmd == root || cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"), "%s: there is no %s", i.ID, s.See)
			for _, word := range rest {
				if strings.HasPrefix(word, "--") {
					require.NotNil(t, cmd.Flag(strings.TrimPrefix(word, "--")), "%s: %s has no %s", i.ID, cmd.CommandPath(), word)
				}
			}
		}
	}
}

// TestVerbsAreNoted: while an interview is under way, and neither before nor the interview's own; the sheet is noted as what it is.
func TestVerbsAreNoted(t *testing.T) {
	a := &app{path: t.TempDir()}
	folder, err := a.interviews()
	require.NoError(t, err)
	a.noteVerb("lab status", nil)
	none, err := folder.Events()
	require.NoError(t, err)
	require.Empty(t, none)

	require.NoError(t, folder.Begin(interview.Session{ID: "x"}))
	a.noteVerb("lab stop", []string{"payments"})
	a.noteVerb("lab interview status", nil)
	a.noteVerb("lab interview sheet", nil)
	noted, err := folder.Events()
	require.NoError(t, err)
	require.Len(t, noted, 2)
	require.Equal(t, "lab stop payments", noted[0].Text)
	require.Equal(t, interview.Sheet, noted[1].Kind)
}

// TestOnlyAnIncidentsProcessIsEnded: a pid that was given to another program meanwhile is left alone.
func TestOnlyAnIncidentsProcessIsEnded(t *testing.T) {
	require.True(t, isBackground([]byte("/tmp/lab\x00interview\x00background\x00--dir\x00/x\x00")))
	require.False(t, isBackground([]byte("/tmp/lab\x00interview\x00sheet\x00")))
	other := exec.Command("sleep", "60")
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	require.NoError(t, endBackground(interview.Session{Background: other.Process.Pid}))
	require.NoError(t, other.Process.Signal(syscall.Signal(0)), "it runs on")
}
