-- Documents, each its owner's. A pending one is stored, but its charge isn't confirmed yet.
CREATE TABLE documents (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    text text NOT NULL CHECK (octet_length(text) BETWEEN 1 AND 262144),
    metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
    language text NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    charge bigint NOT NULL CHECK (charge BETWEEN 1 AND 256),
    state text NOT NULL CHECK (state IN ('pending', 'charged')),
    authorization_id uuid NOT NULL UNIQUE, -- one charge pays for one document
    idempotency_key text CHECK (char_length(idempotency_key) BETWEEN 1 AND 160),
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    settle_after timestamptz NOT NULL,
    CONSTRAINT documents_once_per_key UNIQUE (owner, idempotency_key)
);
CREATE INDEX documents_of_owner ON documents (owner, created_at DESC, id DESC) WHERE state = 'charged';
CREATE INDEX documents_pending ON documents (settle_after) WHERE state = 'pending';

-- What is paid for stays: the application may only drop what is pending, and take no charge back.
CREATE FUNCTION keep_charged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'charged' THEN
        RAISE check_violation USING CONSTRAINT = 'documents_charged_is_final', MESSAGE = format('document %s is charged', OLD.id);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER documents_charged_is_final BEFORE UPDATE OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION keep_charged();
