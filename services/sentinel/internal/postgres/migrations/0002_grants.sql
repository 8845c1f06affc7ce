-- The application's role has exactly this: it adds and reads. It can't change or forget anything, nor reach a partition but
-- through the whole, nor the list of migrations.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, sentinel_app;
REVOKE ALL ON FUNCTION keep_events FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO sentinel_app;
GRANT SELECT, INSERT ON events, alerts, responses TO sentinel_app;
GRANT EXECUTE ON FUNCTION keep_events TO sentinel_app;
