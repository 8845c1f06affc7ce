package postgres_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/ingestion/internal/postgres"
	"redoubt.example/services/platform/databasetest"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// TestSchemaRefuses is what a compromised ingestion process could still not do to documents.
func TestSchemaRefuses(t *testing.T) {
	app, _ := databasetest.Open(t, "ingestion", postgres.Migrations)
	store := postgres.New(app)
	now := time.Now().UTC()
	d, err := store.Put(t.Context(), documents.Document{Draft: documents.Draft{Title: "t", Text: "x"}, ID: uuid.New(), Owner: "alice",
		Language: "de", Charge: 1, State: documents.Pending, Authorization: uuid.New(), CreatedAt: now, SettleAfter: now})
	require.NoError(t, err)
	require.NoError(t, store.Confirm(t.Context(), d.ID))
	require.NoError(t, store.Withdraw(t.Context(), d.ID), "only what is pending is withdrawn")
	kept, err := store.Get(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, "x", kept.Text)

	for name, tc := range map[string]struct{ sql, state string }{
		"change a text":           {`UPDATE documents SET text = 'forged'`, "42501"},
		"change an owner":         {`UPDATE documents SET owner = 'mallory'`, "42501"},
		"lower a charge":          {`UPDATE documents SET charge = 1`, "42501"},
		"make a charge undone":    {`UPDATE documents SET state = 'pending'`, "23514"},
		"delete what is paid for": {`DELETE FROM documents`, "23514"},
		"delete everything":       {`TRUNCATE documents`, "42501"},
		"drop the table":          {`DROP TABLE documents`, "42501"},
		"become the owner":        {`SET ROLE ingestion_owner`, "42501"},
		"read the migrations":     {`SELECT * FROM schema_migrations`, "42501"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.Exec(t.Context(), tc.sql)
			var refused *pgconn.PgError
			require.True(t, errors.As(err, &refused), "not refused: %v", err)
			require.Equal(t, tc.state, refused.Code, refused.Message)
		})
	}
}
