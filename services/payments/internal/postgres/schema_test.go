package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

const (
	denied   = "42501" // insufficient_privilege
	violated = "23514" // check_violation
)

const someTransfer = `INSERT INTO transfers (id, kind, principal, memo, service, actor, entry_count, created_at)
	VALUES (gen_random_uuid(), 'credit', 'alice', '', 'x', 'x', 2, now())`

// TestSchemaRefuses is what a compromised payments process could still not do to the ledger.
func TestSchemaRefuses(t *testing.T) {
	b, owner := open(t)
	b.credit(t, "alice", 10)
	a := b.hold(t, "alice", 4)
	_, err := b.Capture(t.Context(), ingestion("alice"), a.ID)
	require.NoError(t, err)

	for name, tc := range map[string]struct{ sql, state string }{
		"change an entry":          {`UPDATE entries SET amount = 1`, denied},
		"delete entries":           {`DELETE FROM entries`, denied},
		"truncate entries":         {`TRUNCATE entries`, denied},
		"change a transfer":        {`UPDATE transfers SET principal = 'mallory'`, denied},
		"delete transfers":         {`DELETE FROM transfers`, denied},
		"write a balance":          {`UPDATE accounts SET balance = 1000000 WHERE id = 'customer:alice'`, denied},
		"open an account":          {`INSERT INTO accounts (id, balance) VALUES ('customer:mallory', 5)`, denied},
		"raise an authorization":   {`UPDATE authorizations SET amount = 1`, denied},
		"reassign one":             {`UPDATE authorizations SET maker = 'notification'`, denied},
		"reopen one":               {`UPDATE authorizations SET state = 'authorized', settlement_id = NULL, settled_at = NULL`, violated},
		"drop a table":             {`DROP TABLE entries`, denied},
		"drop a trigger":           {`DROP TRIGGER entries_immutable ON entries`, denied},
		"switch triggers off":      {`ALTER TABLE entries DISABLE TRIGGER ALL`, denied},
		"skip triggers":            {`SET session_replication_role = replica`, denied},
		"make a table":             {`CREATE TABLE loot (id int)`, denied},
		"thaw by another column":   {`UPDATE accounts SET state = 'active', balance = 5 WHERE id = 'customer:alice'`, denied},
		"close with credits":       {`UPDATE accounts SET state = 'closed' WHERE id = 'customer:alice'`, violated},
		"freeze the house":         {`UPDATE accounts SET state = 'frozen' WHERE id = 'system:revenue'`, violated},
		"a state that is none":     {`UPDATE accounts SET state = 'golden' WHERE id = 'customer:alice'`, violated},
		"hide who froze":           {`DELETE FROM account_changes`, denied},
		"read who froze":           {`SELECT * FROM account_changes`, denied},
		"become the owner":         {`SET ROLE payments_owner`, denied},
		"call what triggers call":  {`SELECT check_transfer(gen_random_uuid())`, denied},
		"a transfer without lines": {someTransfer, violated},
		"an unbalanced one": {`WITH t AS (` + someTransfer + ` RETURNING id)
			INSERT INTO entries SELECT id, a, n FROM t, (VALUES ('system:issuance', -5), ('customer:alice', 6)) v (a, n)`, violated},
		"balanced lines added later": {`INSERT INTO entries SELECT id, a, n FROM (SELECT id FROM transfers WHERE kind = 'hold') t,
			(VALUES ('system:issuance', -5), ('system:revenue', 5)) v (a, n)`, violated},
		"an overdraft": {`WITH t AS (` + someTransfer + ` RETURNING id)
			INSERT INTO entries SELECT id, a, n FROM t, (VALUES ('customer:alice', -7), ('customer:mallory', 7)) v (a, n)`, violated},
		"from nobody": {`WITH t AS (` + someTransfer + ` RETURNING id)
			INSERT INTO entries SELECT id, a, n FROM t, (VALUES ('customer:nobody', -7), ('customer:mallory', 7)) v (a, n)`, violated},
	} {
		t.Run(name, func(t *testing.T) { requireState(t, b.pool, tc.sql, tc.state) })
	}
	t.Run("not even the owner", func(t *testing.T) {
		requireState(t, owner, `UPDATE entries SET amount = 1`, denied)
		requireState(t, owner, `DELETE FROM transfers`, denied)
		requireState(t, owner, `TRUNCATE entries`, denied)
		requireState(t, owner, `DELETE FROM account_changes`, denied)
	})
	b.requireBalance(t, "alice", 6, 0)
	b.requireSound(t)
}

func requireState(t *testing.T, pool *pgxpool.Pool, sql, want string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql)
	var refused *pgconn.PgError
	require.True(t, errors.As(err, &refused), "not refused: %v", err)
	require.Equal(t, want, refused.Code, strings.TrimSpace(refused.Message))
}
