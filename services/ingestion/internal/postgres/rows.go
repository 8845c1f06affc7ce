package postgres

import (
	"github.com/jackc/pgx/v5"
	"redoubt.example/services/ingestion/internal/documents"
)

const (
	summary       = `id, owner, title, language, charge, state, authorization_id, created_at, settle_after`
	selectSummary = `SELECT ` + summary + ` FROM documents`
	selectWhole   = `SELECT ` + summary + `, text, metadata, coalesce(idempotency_key, ''), fingerprint FROM documents`
)

func summaryOf(d *documents.Document) []any {
	return []any{&d.ID, &d.Owner, &d.Title, &d.Language, &d.Charge, &d.State, &d.Authorization, &d.CreatedAt, &d.SettleAfter}
}

func scanSummary(row pgx.CollectableRow) (d documents.Document, err error) {
	err = row.Scan(summaryOf(&d)...)
	d.CreatedAt, d.SettleAfter = d.CreatedAt.UTC(), d.SettleAfter.UTC()
	return d, err
}

func scanWhole(row pgx.CollectableRow) (d documents.Document, err error) {
	var fingerprint []byte
	err = row.Scan(append(summaryOf(&d), &d.Text, &d.Metadata, &d.Key, &fingerprint)...)
	copy(d.Fingerprint[:], fingerprint)
	d.CreatedAt, d.SettleAfter = d.CreatedAt.UTC(), d.SettleAfter.UTC()
	return d, err
}
