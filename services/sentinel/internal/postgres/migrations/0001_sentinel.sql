-- What happened, what was found in it, and what was done about it. Nothing in here is ever changed: events go by the day,
-- when they are old enough.

CREATE TABLE events (
    key uuid NOT NULL,        -- of reporter and event ID: the same event that comes again is one
    at timestamptz NOT NULL,  -- when it happened, as far as that can be believed: which partition it is in
    reported timestamptz NOT NULL, -- when it happened, as its reporter says
    observed timestamptz NOT NULL,
    id text NOT NULL CHECK (char_length(id) BETWEEN 1 AND 256),
    service text NOT NULL,
    dataset text NOT NULL,
    outcome text,
    request text,
    control text,
    caller text,
    principal text,
    fields jsonb NOT NULL,
    PRIMARY KEY (key, at)
) PARTITION BY RANGE (at);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_request ON events (request) WHERE request IS NOT NULL;

CREATE TABLE alerts (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    id uuid NOT NULL UNIQUE,
    rule text NOT NULL,
    raised timestamptz NOT NULL,
    document jsonb NOT NULL
);

-- A response has a row for each state that it was in.
CREATE TABLE responses (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL CHECK (char_length(id) BETWEEN 1 AND 128),
    alert text NOT NULL CHECK (char_length(alert) <= 128),
    at timestamptz NOT NULL,
    document jsonb NOT NULL
);

-- Makes the partitions of the next days, and drops those of days that are over for longer than the events are kept. Whoever
-- calls it chooses how long that is, but not below the floor: a sentinel that was taken over can't make yesterday go away.
CREATE FUNCTION keep_events(days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    floor constant integer := 7;
    today constant date := (now() AT TIME ZONE 'UTC')::date;
    part text;
    dropped integer := 0;
BEGIN
    FOR day IN 0..3 LOOP -- yesterday, for what comes late, to the day after tomorrow
        part := 'events_' || to_char(today - 1 + day, 'YYYYMMDD');
        IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)', part,
                (today - 1 + day)::timestamp AT TIME ZONE 'UTC', (today + day)::timestamp AT TIME ZONE 'UTC');
            EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, sentinel_app', part);
        END IF;
    END LOOP;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_\d{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - greatest(days, floor)
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
SELECT keep_events(7);
