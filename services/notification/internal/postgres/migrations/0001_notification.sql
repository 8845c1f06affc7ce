-- Messages in principals' inboxes, and their way out to webhook endpoints (a transactional outbox).

CREATE TABLE messages (
    id uuid PRIMARY KEY, -- UUIDv7: the order of the inbox
    recipient text NOT NULL,
    kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 128),
    subject text NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 200),
    data json NOT NULL CHECK (octet_length(data::text) <= 65536), -- not jsonb, which refuses some valid JSON (\u0000)
    request_id text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX messages_inbox ON messages (recipient, id DESC);

CREATE TABLE endpoints (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    url text NOT NULL CHECK (char_length(url) <= 2048),
    events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 20),
    sealed text NOT NULL CHECK (sealed LIKE 'vault:v%'), -- a readable secret can't be stored by mistake
    created_at timestamptz NOT NULL,
    last_claimed_at timestamptz -- claims go round
);
CREATE INDEX endpoints_of_owner ON endpoints (owner, id);

CREATE TABLE deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- the webhook-id: the same at every attempt
    message_id uuid NOT NULL REFERENCES messages ON DELETE CASCADE,
    endpoint_id uuid NOT NULL REFERENCES endpoints ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts smallint NOT NULL DEFAULT 0, -- begun
    rejections smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz, -- in flight until then, unless settled
    settled_at timestamptz,
    UNIQUE (message_id, endpoint_id)
);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE state <> 'pending';

CREATE TABLE delivery_attempts (
    delivery_id uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    attempt smallint NOT NULL,
    status smallint, -- NULL: no answer
    reason text NOT NULL,
    took_ms integer NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_id, attempt)
);

CREATE TABLE sources (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    owner text NOT NULL,
    sealed text NOT NULL CHECK (sealed LIKE 'vault:v%'),
    created_at timestamptz NOT NULL
);

-- Which webhooks came in: each ID once. Kept far longer than a signature's time is believed.
CREATE TABLE receipts (
    source text NOT NULL REFERENCES sources ON DELETE CASCADE,
    webhook_id text NOT NULL CHECK (char_length(webhook_id) BETWEEN 1 AND 128),
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, webhook_id)
);
CREATE INDEX receipts_age ON receipts (received_at);
