-- Payment references, sealed with a data key each, which a key of Vault's wraps. What is here opens nothing, and neither
-- does the application: Vault doesn't let it unwrap.
CREATE TABLE payment_references (
    principal text PRIMARY KEY CHECK (principal ~ '^[!-~]{1,128}$'),
    sealed text NOT NULL CHECK (sealed ~ '^vault:v[0-9]+:[^.]+\.[^.]+$'), -- a readable one can't be stored by mistake
    hint text NOT NULL CHECK (char_length(hint) = 4),
    changed_at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON payment_references FROM PUBLIC, payments_app;
GRANT SELECT, INSERT, UPDATE (sealed, hint, changed_at) ON payment_references TO payments_app;
