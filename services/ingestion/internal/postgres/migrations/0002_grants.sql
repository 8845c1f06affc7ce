-- The application's role has exactly this: it changes no document's content, owner or charge.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, ingestion_app;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, ingestion_app;
GRANT USAGE ON SCHEMA public TO ingestion_app;
GRANT SELECT, INSERT, DELETE, UPDATE (state, settle_after) ON documents TO ingestion_app;
