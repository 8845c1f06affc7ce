ALTER ROLE "{{name}}" NOLOGIN;
-- Sessions outlive the role that opened them, so they are ended first: five seconds at most for each.
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{{name}}';
DROP ROLE IF EXISTS "{{name}}";
