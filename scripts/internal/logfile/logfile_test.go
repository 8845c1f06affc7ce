package logfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/logfile"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteString(text)
	require.NoError(t, err)
}

func messages(lines []logfile.Line) (all []string) {
	for _, l := range lines {
		all = append(all, l.Component+":"+l.Message())
	}
	return all
}

func TestMergeInOrderOfTime(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "gateway", `{"time":"2026-01-02T03:04:05.2Z","level":"INFO","msg":"second","request_id":"r1"}`+"\npanic: plain\n"+
		`{"time":"2026-01-02T03:04:05.4Z","level":"INFO","msg":"fourth"}`+"\n")
	write(t, dir, "vault", `{"@timestamp":"2026-01-02T03:04:05.1+00:00","@level":"warn","@message":"first"}`+"\n"+
		`{"@timestamp":"2026-01-02T03:04:05.3+00:00","@level":"warn","@message":"third"}`+"\n")
	readers, err := logfile.Open(dir, "")
	require.NoError(t, err)
	lines, err := logfile.Merge(readers)
	require.NoError(t, err)
	require.Equal(t, []string{"vault:first", "gateway:second", "gateway:panic: plain", "vault:third", "gateway:fourth"}, messages(lines))
	require.Equal(t, "r1", lines[1].ID())
	require.Empty(t, lines[2].ID())
}

func TestFollowKeepsHalfLines(t *testing.T) {
	dir := t.TempDir()
	readers := []*logfile.Reader{logfile.NewReader("a", filepath.Join(dir, "a.log"))}
	next := func() []string {
		lines, err := logfile.Merge(readers)
		require.NoError(t, err)
		return messages(lines)
	}
	require.Empty(t, next(), "the file comes later")
	write(t, dir, "a", "one\ntw")
	require.Equal(t, []string{"a:one"}, next())
	write(t, dir, "a", "o\n")
	require.Equal(t, []string{"a:two"}, next())
	require.Empty(t, next())
}

func TestText(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "payments", `{"time":"2026-01-02T03:04:05.006Z","level":"WARN","msg":"upstream failed","service":"payments","attempt":12345678901,"error":"dial: refused"}`+"\n")
	readers, err := logfile.Open(dir, "payments")
	require.NoError(t, err)
	lines, err := logfile.Merge(readers)
	require.NoError(t, err)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC).Local().Format("15:04:05.000")
	require.Equal(t, at+`  payments  WARN  upstream failed: dial: refused attempt=12345678901 error="dial: refused"`, lines[0].Text())
	require.Equal(t, "upstream failed: dial: refused", lines[0].Message())
}

func TestOpenStaysInTheFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"nobody", "../x", strings.Repeat("../", 3) + "etc/passwd"} {
		_, err := logfile.Open(dir, name)
		require.ErrorIs(t, err, os.ErrNotExist, name)
	}
}
