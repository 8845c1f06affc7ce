-- The application's role has exactly this. It can't write a balance, change or delete what was posted, or reach
-- the list of migrations; triggers that need more run as the owner.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, payments_app;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, payments_app;
GRANT USAGE ON SCHEMA public TO payments_app;
GRANT SELECT ON accounts TO payments_app;
GRANT SELECT, INSERT ON transfers, entries TO payments_app;
GRANT SELECT, INSERT, UPDATE (state, settlement_id, settled_at) ON authorizations TO payments_app;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO payments_app;
