package term_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/term"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func sample() *term.Table {
	t := &term.Table{Headers: []string{"component", "state", ">pid", ">memory", "reason"}}
	t.Add(term.Text("vault"), term.Cell{Text: "ready", Style: term.Good}, term.Text(4711), term.Text("180 MiB"))
	t.Add(term.Text("payments.sidecar"), term.Cell{Text: "restarting", Style: term.Bad}, term.Text(""), term.Text("0 B"),
		term.Text("it said something very long that no terminal has the room for, and that is cut – with care for what isn't ASCII"))
	return t
}

func TestTable(t *testing.T) {
	for name, colour := range map[string]bool{"plain.txt": false, "colour.txt": true} {
		var out strings.Builder
		require.NoError(t, sample().Write(&out, colour))
		golden(t, name, out.String())
		if !colour {
			for line := range strings.Lines(out.String()) {
				require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), term.Width)
			}
		}
	}
}

// TestGivingWay: the column that may be cut is cut, and those beside it stay whole.
func TestGivingWay(t *testing.T) {
	name := strings.Repeat("n", 40)
	table := &term.Table{Headers: []string{"name", "~why", "other"}}
	table.Add(term.Text(name), term.Text(strings.Repeat("w", 80)), term.Text(strings.Repeat("o", 30)))
	var out strings.Builder
	require.NoError(t, table.Write(&out, false))
	require.Contains(t, out.String(), name+"  w")
	require.Contains(t, out.String(), "…  "+strings.Repeat("o", 30))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), term.Width)
	}
}

func TestOutput(t *testing.T) {
	value := map[string]any{"ready": true}
	file := filepath.Join(t.TempDir(), "out.json")
	for name, c := range map[string]struct {
		out  term.Output
		want string
	}{
		"for people":  {term.Output{}, "fine\n"},
		"for both":    {term.Output{File: file}, "fine\n"},
		"for a pipe":  {term.Output{JSON: true}, "{\n  \"ready\": true\n}\n"},
		"for a pipe ": {term.Output{JSON: true, File: file}, "{\n  \"ready\": true\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(file)
			var out strings.Builder
			c.out.Out = &out
			err := c.out.Print(value, func(w io.Writer) error { _, err := io.WriteString(w, "fine\n"); return err })
			require.NoError(t, err)
			require.Equal(t, c.want, out.String())
			if c.out.File != "" {
				raw, err := os.ReadFile(file)
				require.NoError(t, err)
				require.JSONEq(t, `{"ready": true}`, string(raw))
			}
		})
	}
}

func TestProgressWithoutATerminal(t *testing.T) {
	var out locked
	p := term.NewPlainProgress(&out, time.Millisecond)
	task := p.Task("vault", "building from source")
	require.Eventually(t, func() bool { return strings.Count(out.String(), "vault: building from source\n") > 1 }, 5*time.Second, time.Millisecond)
	task.Say("linking")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "vault: linking\n") }, 5*time.Second, time.Millisecond)
	task.End("built in %s", "5m12s")
	p.Close()
	require.True(t, strings.HasSuffix(out.String(), "vault: built in 5m12s\n"), out.String())
	require.NotContains(t, out.String(), "\x1b")
}

type locked struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}
func (l *locked) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func TestUnits(t *testing.T) {
	require.Equal(t, "1.5 GiB", term.Bytes(3<<29))
	require.Equal(t, "512 B", term.Bytes(512))
	require.Equal(t, "12.3 s", term.Seconds(12345*time.Millisecond))
	require.Equal(t, "5m12s", term.Seconds(312*time.Second))
	require.Equal(t, "0.09 ms", term.Millis(90*time.Microsecond))
	require.Equal(t, "1.78 s", term.Millis(1779*time.Millisecond))
	require.Equal(t, "12.3 ms", term.Millis(12345*time.Microsecond))
}
