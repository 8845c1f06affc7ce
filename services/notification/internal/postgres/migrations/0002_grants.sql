-- The application's role has exactly this. It can't change a message, an endpoint's URL or a secret, forget an attempt
-- but with its delivery, or reach the list of migrations.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, notification_app;
GRANT USAGE ON SCHEMA public TO notification_app;
GRANT SELECT, INSERT ON messages TO notification_app;
GRANT SELECT, INSERT, DELETE, UPDATE (last_claimed_at) ON endpoints TO notification_app;
GRANT SELECT, INSERT, DELETE ON deliveries TO notification_app;
GRANT UPDATE (state, attempts, rejections, next_attempt_at, claimed_until, settled_at) ON deliveries TO notification_app;
GRANT SELECT, INSERT ON delivery_attempts TO notification_app;
GRANT SELECT, INSERT ON sources TO notification_app;
GRANT SELECT, INSERT, DELETE ON receipts TO notification_app;
