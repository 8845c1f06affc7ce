package quarantine_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/quarantine"
	"redoubt.example/services/platform/containment"
)

func entries(until time.Time) containment.List {
	return containment.List{Entries: []containment.Entry{
		{Kind: containment.Address, Target: "203.0.113.7", Until: until}, {Kind: containment.Address, Target: "2001:db8::1", Until: until},
		{Kind: containment.Address, Target: "::ffff:203.0.113.9", Until: until},
		{Kind: containment.Principal, Target: "aaaaaaaa", Until: until}, {Kind: containment.Token, Target: "bbbbbbbb", Until: until},
		{Kind: containment.APIKey, Target: "cccccccc", Until: until}, {Kind: containment.Throttle, Target: "dddddddd", Until: until},
	}}
}

func TestLookups(t *testing.T) {
	l, err := quarantine.Open("")
	require.NoError(t, err)
	now := time.Now()
	l.SetClock(func() time.Time { return now })
	at := netip.MustParseAddr
	require.False(t, l.Address(at("203.0.113.7")))
	require.False(t, (*quarantine.List)(nil).Address(at("203.0.113.7")))
	require.NoError(t, l.Put(entries(now.Add(time.Hour))))

	for _, a := range []string{"203.0.113.7", "203.0.113.9", "2001:db8::1", "2001:db8::ffff:1"} {
		require.True(t, l.Address(at(a)), a)
	}
	for _, a := range []string{"203.0.113.8", "127.0.0.1", "2001:db8:0:1::1"} {
		require.False(t, l.Address(at(a)), a)
	}
	require.True(t, l.Name(containment.Principal, "aaaaaaaa"))
	require.False(t, l.Name(containment.Token, "aaaaaaaa"), "a name is one of its kind")
	require.False(t, l.Name(containment.Principal, ""))
	require.False(t, l.Name(containment.Principal, "bbbbbbbb"))

	now = now.Add(time.Hour)
	require.False(t, l.Address(at("203.0.113.7")), "it is over")
	require.False(t, l.Name(containment.Principal, "aaaaaaaa"))
	require.NoError(t, l.Put(containment.List{}))
	require.Empty(t, l.Entries().Entries)
}

// TestRestart: who is contained stays so, whoever makes the gateway restart.
func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contained.json")
	l, err := quarantine.Open(file)
	require.NoError(t, err)
	require.NoError(t, l.Put(entries(time.Now().Add(time.Hour))))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := quarantine.Open(file)
	require.NoError(t, err)
	require.True(t, again.Address(netip.MustParseAddr("203.0.113.7")))

	require.Error(t, l.Put(containment.List{Entries: []containment.Entry{{Kind: "shoot"}}}))
	require.True(t, l.Name(containment.Principal, "aaaaaaaa"), "a list that makes no sense changes nothing")
	for _, text := range []string{"", "nonsense", `{"entries":[{"kind":"shoot"}]}`} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err = quarantine.Open(file)
		require.Error(t, err, text)
	}
}

func TestHandler(t *testing.T) {
	l, err := quarantine.Open("")
	require.NoError(t, err)
	handle := l.Handler(slog.New(slog.DiscardHandler))
	send := func(method, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handle(w, httptest.NewRequest(method, containment.Path, strings.NewReader(body)))
		return w
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, body := range []string{"", "[]", `{"entries":[{"kind":"shoot","target":"x","until":"` + until + `"}]}`, `{"more":1}`} {
		require.Equal(t, http.StatusBadRequest, send("PUT", body).Code, body)
	}
	require.JSONEq(t, `{"entries":[]}`, send("GET", "").Body.String())
	list := `{"entries":[{"kind":"block-address","target":"203.0.113.7","until":"` + until + `"}]}`
	require.Equal(t, http.StatusOK, send("PUT", list).Code)
	require.JSONEq(t, list, send("GET", "").Body.String())
	require.True(t, l.Address(netip.MustParseAddr("203.0.113.7")))
}

func BenchmarkLookup(b *testing.B) {
	l, _ := quarantine.Open("")
	_ = l.Put(entries(time.Now().Add(time.Hour)))
	honest := netip.MustParseAddr("198.51.100.1")
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Address(honest)
		_ = l.Name(containment.Principal, "0123456789abcdef0123456789abcdef")
	}
}
