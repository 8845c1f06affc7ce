package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/webhook"
)

func TestRewrapChangesTheWrappingAlone(t *testing.T) {
	s, app, owner := open(t)
	_, err := owner.Exec(t.Context(), "SET ROLE notification_owner; DELETE FROM endpoints; DELETE FROM sources")
	require.NoError(t, err)
	e := webhook.Endpoint{ID: uuid.Must(uuid.NewV7()), Owner: "rewrapper", URL: "https://hooks.example.com/", Events: []string{"*"}, Sealed: "vault:v1:key.body", CreatedAt: time.Now()}
	require.NoError(t, s.AddEndpoint(t.Context(), e, webhook.MaxEndpoints))
	require.NoError(t, s.AddSource(t.Context(), webhook.Source{Name: "rewrap-bank", Owner: "carol", Sealed: "vault:v1:key.other", CreatedAt: time.Now()}))

	for _, forged := range []string{"vault:v2:key.mine", "vault:v2:key", "plain.body", "vault:v2:key.body.more"} {
		_, err := app.Exec(t.Context(), "SELECT rewrap_endpoint($1, $2, $3)", e.ID, e.Sealed, forged)
		require.ErrorContains(t, err, "42501", forged)
		_, err = app.Exec(t.Context(), "SELECT rewrap_source('rewrap-bank', 'vault:v1:key.other', $1)", forged)
		require.ErrorContains(t, err, "42501", forged)
	}
	// A forged old text matches no row.
	var changed bool
	require.NoError(t, app.QueryRow(t.Context(), "SELECT rewrap_endpoint($1, 'vault:v1:x.mine', 'vault:v2:y.mine')", e.ID).Scan(&changed))
	require.False(t, changed)

	count, err := s.Rewrap(t.Context(), func(_ context.Context, sealed []string) ([]string, error) {
		anew := make([]string, len(sealed))
		for i := range sealed {
			anew[i] = strings.Replace(sealed[i], "vault:v1:", "vault:v2:", 1)
		}
		return anew, nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, count)
	after, err := s.Endpoint(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, "vault:v2:key.body", after.Sealed)
}
