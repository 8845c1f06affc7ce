package address_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/address"
)

func file(t testing.TB, content string) string {
	path := filepath.Join(t.TempDir(), "list")
	replace(t, path, content)
	return path
}

// replace writes as one should: whoever reads finds the old content or the new.
func replace(t testing.TB, path, content string) {
	require.NoError(t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// database is an MMDB in which the networks are in these countries.
func database(t testing.TB, countries map[string]string) string {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-Country", IncludeReservedNetworks: true})
	require.NoError(t, err)
	for cidr, code := range countries {
		_, network, err := net.ParseCIDR(cidr)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(network, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}))
	}
	var text bytes.Buffer
	_, err = tree.WriteTo(&text)
	require.NoError(t, err)
	return text.String()
}

func TestReputation(t *testing.T) {
	r, err := address.Open(address.Config{
		DenyList:      file(t, "# a comment\n203.0.113.0/24 ; why\n2001:db8:bad::/48\n\n  198.51.100.66  \n192.0.2.0/24\n"),
		AllowList:     file(t, "203.0.113.7\n198.18.0.5\n"),
		GeoDatabase:   file(t, database(t, map[string]string{"198.18.0.0/16": "XX", "192.0.2.0/24": "NL", "198.51.100.0/24": "NL", "2001:db8:1::/48": "XX"})),
		DenyCountries: []string{"XX"},
	})
	require.NoError(t, err)
	for text, want := range map[string][2]string{
		"203.0.113.1":      {"", "the address is on a deny list"},
		"203.0.113.7":      {"", ""},
		"203.0.112.255":    {"", ""},
		"198.51.100.66":    {"NL", "the address is on a deny list"},
		"198.51.100.67":    {"NL", ""},
		"192.0.2.9":        {"NL", "the address is on a deny list"},
		"2001:db8:bad::1":  {"", "the address is on a deny list"},
		"2001:db8:bade::1": {"", ""},
		"198.18.0.1":       {"XX", "requests from this country aren't accepted"},
		"198.18.0.5":       {"XX", ""},
		"2001:db8:1::9":    {"XX", "requests from this country aren't accepted"},
	} {
		country, refused := r.Check(netip.MustParseAddr(text))
		require.Equal(t, want, [2]string{country, refused}, text)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg    address.Config
		reason string
	}{
		"no such file":            {address.Config{DenyList: "/nonexistent"}, "no such file"},
		"not an address":          {address.Config{DenyList: file(t, "10.0.0.1\nexample.com\n")}, "line 2"},
		"bits missing":            {address.Config{AllowList: file(t, "10.0.0.0/\n")}, "line 1"},
		"a line without end":      {address.Config{DenyList: file(t, strings.Repeat("1", 1<<20))}, "far too long"},
		"not an MMDB":             {address.Config{GeoDatabase: file(t, "hello")}, "not an MMDB"},
		"not a country":           {address.Config{DenyCountries: []string{"nl"}, GeoDatabase: "x"}, "not a country's code"},
		"countries, no database":  {address.Config{DenyCountries: []string{"NL"}}, "no database"},
		"IPv4 network as IPv6":    {address.Config{DenyList: file(t, "::ffff:10.0.0.0/104\n")}, "line 1"},
		"an address with a scope": {address.Config{DenyList: file(t, "fe80::1%eth0\n")}, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := address.Open(tc.cfg)
			require.ErrorContains(t, err, tc.reason)
		})
	}
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestReload: a new list is in force without a restart, and a bad one changes nothing but the log.
func TestReload(t *testing.T) {
	path := file(t, "203.0.113.1\n")
	geo := file(t, database(t, map[string]string{"198.18.0.0/16": "XX"}))
	var log syncBuffer
	r, err := address.Open(address.Config{DenyList: path, GeoDatabase: geo, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); require.NoError(t, <-ended) }()
	refused := func(text string) bool {
		_, reason := r.Check(netip.MustParseAddr(text))
		return reason != ""
	}
	require.True(t, refused("203.0.113.1"))

	replace(t, path, "203.0.113.2\n")
	require.Eventually(t, func() bool { return refused("203.0.113.2") }, 10*time.Second, 10*time.Millisecond)
	require.False(t, refused("203.0.113.1"))

	replace(t, path, "203.0.113.3\nnonsense\n")
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "refused") }, 10*time.Second, 10*time.Millisecond)
	require.True(t, refused("203.0.113.2"))
	require.False(t, refused("203.0.113.3"))

	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "no such file") }, 10*time.Second, 10*time.Millisecond)
	require.True(t, refused("203.0.113.2"))

	replace(t, path, "203.0.113.4\n")
	replace(t, geo, database(t, map[string]string{"198.18.0.0/16": "YY"}))
	require.Eventually(t, func() bool {
		country, _ := r.Check(netip.MustParseAddr("198.18.0.1"))
		return refused("203.0.113.4") && country == "YY"
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, strings.Count(log.String(), "nonsense"), "said once, not every second")
}

// FuzzList: whatever a list says, reading it doesn't fail badly.
func FuzzList(f *testing.F) {
	f.Add("10.0.0.0/8 # x\n::1\n")
	f.Add("10.0.0.0/8;\n\n\x00")
	path := filepath.Join(f.TempDir(), "list")
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		if r, err := address.Open(address.Config{DenyList: path}); err == nil {
			r.Check(netip.MustParseAddr("10.0.0.1"))
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	var lines strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		fmt.Fprintf(&lines, "%d.%d.%d.0/24\n", 1+random.IntN(200), random.IntN(256), random.IntN(256))
	}
	r, err := address.Open(address.Config{DenyList: file(b, lines.String()), GeoDatabase: file(b, database(b, map[string]string{"198.18.0.0/16": "XX"}))})
	require.NoError(b, err)
	a := netip.MustParseAddr("198.18.0.1")
	b.ReportAllocs()
	for b.Loop() {
		r.Check(a)
	}
}
