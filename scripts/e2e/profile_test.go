package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWeakProfiles: a platform with hardly a control is refused where nobody asked for danger; else it says so, serves
// honest users as any other does, and lets attackers in.
func TestWeakProfiles(t *testing.T) {
	t.Parallel()
	got := run(t, "up", "--profile", "plaintext", "--dir", t.TempDir())
	require.Equal(t, 2, got.code, got.stderr)
	require.Contains(t, got.stderr, "REDOUBT_UNSAFE_LAB")

	for _, profile := range []string{"plaintext", "library"} {
		t.Run(profile, func(t *testing.T) {
			l := weakens.up(t, "--profile", profile)
			require.Contains(t, l.run(t, "status").stdout, profile)
			got := l.must(t, http.MethodPost, "/v1/documents", l.token(t, "alice"), sample)
			require.Equal(t, http.StatusCreated, got.status, string(got.body))
			// The attack app.owner.document, in one line.
			var document struct{ ID string }
			got.into(t, &document)
			read := l.must(t, http.MethodGet, "/v1/documents/"+document.ID, l.token(t, "bob"), nil)
			if profile == "plaintext" {
				require.Equal(t, http.StatusOK, read.status, "nothing keeps bob from it: %s", read.body)
			} else {
				require.Equal(t, http.StatusNotFound, read.status, "each service decides for itself: %s", read.body)
			}
		})
	}
}
