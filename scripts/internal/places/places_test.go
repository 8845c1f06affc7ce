package places_test

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/places"
)

// TestPlaces: a reader of such databases, the gateway's, finds each country, and none elsewhere.
func TestPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.mmdb")
	require.NoError(t, places.Write(path))
	db, err := maxminddb.Open(path)
	require.NoError(t, err)
	defer db.Close()
	for address, want := range map[string]string{
		places.Home: "XA", places.Abroad: "XB", "127.2.9.9": "XC", "127.3.0.1": "", "127.64.1.1": "", "10.0.0.1": "", "::1": "",
	} {
		country := ""
		_ = db.Lookup(netip.MustParseAddr(address)).DecodePath(&country, "country", "iso_code")
		require.Equal(t, want, country, address)
	}
}
