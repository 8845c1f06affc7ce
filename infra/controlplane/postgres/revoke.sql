-- Vault runs this in a transaction of its own, as a whole, since there is an END in it, and once more after a failure:
-- no step minds that it was done before.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN
    ALTER ROLE "{{name}}" NOLOGIN;
  END IF;
END
$$;
-- Committed first, or a session could be opened between the end of the others and the end of the role, and outlive both.
COMMIT;
BEGIN;
DO $$
DECLARE
  -- Who was just logging in when that was committed may have been let in, and is in pg_stat_activity only when it has
  -- started. It has a virtual transaction from its beginning until then, by which it is waited for: a second at most.
  starting int[] := ARRAY(SELECT pid FROM pg_locks WHERE locktype = 'virtualxid');
BEGIN
  FOR attempt IN 1..100 LOOP
    PERFORM pg_stat_clear_snapshot();
    starting := ARRAY(SELECT pid FROM pg_locks WHERE locktype = 'virtualxid' AND pid = ANY (starting)
                      EXCEPT SELECT pid FROM pg_stat_activity WHERE usesysid IS NOT NULL OR backend_type <> 'client backend');
    -- Looked at anew: who wasn't starting any more just now has started by now.
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{{name}}';
    EXIT WHEN starting = '{}';
    PERFORM pg_sleep(0.01);
  END LOOP;
  -- Whoever had the login may have made it own something, a large object or default privileges, to be kept by that.
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN
    GRANT "{{name}}" TO vault_[[.]];
    REASSIGN OWNED BY "{{name}}" TO [[.]]_owner;
    DROP OWNED BY "{{name}}";
    DROP ROLE "{{name}}";
  END IF;
END
$$;
