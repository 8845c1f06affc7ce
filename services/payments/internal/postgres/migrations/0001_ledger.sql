-- The double-entry ledger. What must never happen is refused here, whatever the application does:
-- an unbalanced transfer, a negative balance, a changed entry, a second refund, a second settlement.

CREATE TABLE accounts (
    id text PRIMARY KEY CHECK (id ~ '^(customer|held):[!-~]{1,128}$' OR id IN ('system:issuance', 'system:revenue')),
    balance bigint,
    opened_at timestamptz NOT NULL DEFAULT now(),
    -- The house's balances are the sum of their entries: kept in a row, every capture would queue up behind it.
    CONSTRAINT accounts_balance_kept CHECK ((balance IS NULL) = (id LIKE 'system:%')),
    CONSTRAINT accounts_balance_not_negative CHECK (balance >= 0)
) WITH (fillfactor = 70); -- room for updates on the same page: the balance is in no index
INSERT INTO accounts (id) VALUES ('system:issuance'), ('system:revenue');

CREATE TABLE transfers (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('credit', 'hold', 'capture', 'release', 'refund')),
    principal text NOT NULL,
    memo text NOT NULL CHECK (char_length(memo) <= 200),
    refund_of uuid REFERENCES transfers,
    service text NOT NULL,
    actor text NOT NULL,
    entry_count smallint NOT NULL CHECK (entry_count >= 2),
    created_at timestamptz NOT NULL,
    CONSTRAINT transfers_refund_of_something CHECK ((kind = 'refund') = (refund_of IS NOT NULL)),
    CONSTRAINT transfers_refunded_once UNIQUE (refund_of)
);
CREATE INDEX transfers_of_principal ON transfers (principal, id DESC);

CREATE TABLE entries (
    transfer_id uuid NOT NULL REFERENCES transfers,
    account text NOT NULL REFERENCES accounts,
    amount bigint NOT NULL CHECK (amount <> 0 AND abs(amount) <= 1000000),
    PRIMARY KEY (transfer_id, account)
);

CREATE TABLE authorizations (
    id uuid PRIMARY KEY,
    principal text NOT NULL,
    maker text NOT NULL,
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000),
    reference text NOT NULL CHECK (char_length(reference) <= 200),
    state text NOT NULL DEFAULT 'authorized' CHECK (state IN ('authorized', 'captured', 'voided', 'expired')),
    hold_id uuid NOT NULL UNIQUE REFERENCES transfers,
    settlement_id uuid UNIQUE REFERENCES transfers,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    settled_at timestamptz,
    CONSTRAINT authorizations_final_by_transfer CHECK ((state = 'authorized') = (settlement_id IS NULL)),
    CONSTRAINT authorizations_final_at_a_time CHECK ((settlement_id IS NULL) = (settled_at IS NULL))
);
CREATE INDEX authorizations_open ON authorizations (expires_at) WHERE state = 'authorized';

CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    caller text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 128),
    fingerprint bytea NOT NULL,
    result uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, caller, operation, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (claimed_at);

-- A balance changes with an entry and in no other way: the application may not write accounts at all.
-- Opening an account and locking it are the same statement. Who posts several entries posts them in order of
-- account, so two transfers never wait for each other.
CREATE FUNCTION apply_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.account LIKE 'system:%' THEN
        RETURN NEW;
    ELSIF NEW.amount > 0 THEN
        INSERT INTO accounts (id, balance) VALUES (NEW.account, NEW.amount)
            ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + EXCLUDED.balance;
    ELSE
        UPDATE accounts SET balance = balance + NEW.amount WHERE id = NEW.account;
        IF NOT FOUND THEN
            RAISE check_violation USING CONSTRAINT = 'accounts_balance_not_negative',
                MESSAGE = format('account %s was never opened', NEW.account);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entries_apply BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION apply_entry();

-- At commit every new transfer is whole, and every transfer that got an entry still is: the count, which can't
-- be changed, closes it to later entries, even balanced ones.
CREATE FUNCTION check_transfer(checked uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found_count bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO found_count, total FROM entries WHERE transfer_id = checked;
    IF total <> 0 OR found_count <> (SELECT entry_count FROM transfers WHERE id = checked) THEN
        RAISE check_violation USING CONSTRAINT = 'transfers_balanced',
            MESSAGE = format('transfer %s has %s entries with the sum %s', checked, found_count, total);
    END IF;
END $$;
CREATE FUNCTION check_new_transfer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
    $$ BEGIN PERFORM check_transfer(NEW.id); RETURN NULL; END $$;
CREATE FUNCTION check_new_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
    $$ BEGIN PERFORM check_transfer(NEW.transfer_id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfers_balanced AFTER INSERT ON transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_new_transfer();
CREATE CONSTRAINT TRIGGER entries_balanced AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_new_entry();

-- A final state is final.
CREATE FUNCTION keep_final_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'authorized' THEN
        RAISE check_violation USING CONSTRAINT = 'authorizations_final', MESSAGE = format('authorization %s is %s', OLD.id, OLD.state);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER authorizations_final BEFORE UPDATE ON authorizations FOR EACH ROW EXECUTE FUNCTION keep_final_state();

-- Nothing is posted twice or taken back, not even by the owner of the tables.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE insufficient_privilege USING MESSAGE = format('%s are never changed', TG_TABLE_NAME); END $$;
CREATE TRIGGER transfers_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON entries EXECUTE FUNCTION refuse_change();
