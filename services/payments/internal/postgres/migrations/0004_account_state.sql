-- An account's state: a frozen one receives credits and spends none, a closed one does neither. The policy decides by it
-- first; what is here holds whatever the process does, and under the account's lock, so that no transfer slips past a change.
ALTER TABLE accounts
    ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'frozen', 'closed')),
    ADD CONSTRAINT accounts_state_of_customers CHECK (state = 'active' OR id LIKE 'customer:%');

-- Who changed it, and when. Never changed afterwards.
CREATE TABLE account_changes (
    account text NOT NULL REFERENCES accounts,
    state text NOT NULL,
    actor text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account, changed_at)
);
CREATE TRIGGER account_changes_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON account_changes EXECUTE FUNCTION refuse_change();

CREATE FUNCTION keep_account_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.state = 'closed' THEN
        RAISE check_violation USING CONSTRAINT = 'accounts_closed_for_good', MESSAGE = 'a closed account stays closed';
    ELSIF NEW.state = 'closed' AND
          NEW.balance + coalesce((SELECT balance FROM accounts WHERE id = 'held:' || substr(NEW.id, 10)), 0) <> 0 THEN
        RAISE check_violation USING CONSTRAINT = 'accounts_closed_empty', MESSAGE = 'an account with credits can''t be closed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_state BEFORE UPDATE OF state ON accounts FOR EACH ROW
    WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION keep_account_state();

-- As in 0001, and then: does the account's state permit it? A hold is how credits are spent; what was set aside before may
-- still be captured, and staff may take back what they gave.
CREATE OR REPLACE FUNCTION apply_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    now_is text;
BEGIN
    IF NEW.account LIKE 'system:%' THEN
        RETURN NEW;
    ELSIF NEW.amount > 0 THEN
        INSERT INTO accounts (id, balance) VALUES (NEW.account, NEW.amount)
            ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + EXCLUDED.balance RETURNING state INTO now_is;
    ELSE
        UPDATE accounts SET balance = balance + NEW.amount WHERE id = NEW.account RETURNING state INTO now_is;
        IF NOT FOUND THEN
            RAISE check_violation USING CONSTRAINT = 'accounts_balance_not_negative',
                MESSAGE = 'the account was never opened'; -- whose it is, logs needn't know
        END IF;
    END IF;
    IF now_is = 'closed' OR (now_is = 'frozen' AND (SELECT kind FROM transfers WHERE id = NEW.transfer_id) = 'hold') THEN
        RAISE check_violation USING CONSTRAINT = 'accounts_state_permits', MESSAGE = format('the account is %s', now_is);
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON account_changes FROM PUBLIC, payments_app;
REVOKE ALL ON FUNCTION keep_account_state() FROM PUBLIC, payments_app;
GRANT UPDATE (state) ON accounts TO payments_app;
GRANT INSERT ON account_changes TO payments_app;
