-- The roles of one database. The owner and the app's group can't log in: what logs in is made by Vault, for
-- minutes, as a member of one of them.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '[[.]]_owner') THEN
    CREATE ROLE [[.]]_owner NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '[[.]]_app') THEN
    CREATE ROLE [[.]]_app NOLOGIN;
  END IF;
  -- Vault's management role for this database. ADMIN OPTION lets it hand out just these two (PostgreSQL 16 and
  -- later hold it to that; before, CREATEROLE is wider). It ends the sessions of logins that it drops.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_[[.]]') THEN
    CREATE ROLE vault_[[.]] LOGIN CREATEROLE CONNECTION LIMIT 8;
    GRANT [[.]]_owner, [[.]]_app TO vault_[[.]] WITH ADMIN OPTION;
    GRANT pg_signal_backend TO vault_[[.]];
  END IF;
END
$$;
