-- Inside one service's database: the owner makes tables, the app's group uses what the owner's migrations grant it.
REVOKE ALL ON DATABASE [[.]] FROM PUBLIC;
GRANT CONNECT ON DATABASE [[.]] TO [[.]]_owner, [[.]]_app, vault_[[.]];
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO [[.]]_owner;
GRANT USAGE ON SCHEMA public TO [[.]]_app;
