package paging_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/paging"
)

type position struct {
	At int `json:"at"`
}

func TestReadRefuses(t *testing.T) {
	for _, query := range []string{"limit=0", "limit=101", "limit=-1", "limit=x", "limit=1e1", "cursor=!", "cursor=AAAA",
		"cursor=" + strings.Repeat("A", 600), "cursor=" + paging.Cursor("text")} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = paging.Read(values, &position{})
		require.Equal(t, fault.Invalid, fault.KindOf(err), query)
	}
}

func TestRoundTrip(t *testing.T) {
	var p position
	limit, err := paging.Read(url.Values{"cursor": {paging.Cursor(position{7})}, "limit": {"100"}}, &p)
	require.NoError(t, err)
	require.Equal(t, 100, limit)
	require.Equal(t, position{7}, p)

	p = position{}
	limit, err = paging.Read(url.Values{}, &p)
	require.NoError(t, err)
	require.Equal(t, 20, limit)
	require.Zero(t, p)
}
