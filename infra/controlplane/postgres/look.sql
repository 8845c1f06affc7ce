-- Who has which right on what in this database: tables, columns, functions, the schema, as one line each. Triggers' functions
-- can't be called, and what belongs to PostgreSQL itself is as it comes.
WITH relations AS (SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl FROM pg_class c
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')),
rights (what, grantee, privilege, grantable, owner) AS (
  SELECT c.relname::text, a.grantee, a.privilege_type, a.is_grantable, c.relowner
    FROM relations c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
  UNION ALL
  SELECT c.relname::text, a.grantee, a.privilege_type || ' (' || k.attname || ')', a.is_grantable, c.relowner
    FROM relations c JOIN pg_attribute k ON k.attrelid = c.oid, aclexplode(k.attacl) a
  UNION ALL
  SELECT f.oid::regprocedure::text, a.grantee, a.privilege_type, a.is_grantable, f.proowner
    FROM pg_proc f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
    WHERE f.pronamespace = 'public'::regnamespace AND f.prorettype <> 'trigger'::regtype
  UNION ALL
  SELECT 'schema ' || n.nspname, a.grantee, a.privilege_type, a.is_grantable, n.nspowner
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'database ' || d.datname, a.grantee, a.privilege_type, a.is_grantable, d.datdba
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = current_database()
  UNION ALL
  SELECT 'default for ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' ELSE d.defaclobjtype::text END,
    a.grantee, a.privilege_type, a.is_grantable, d.defaclrole
    FROM pg_default_acl d, aclexplode(d.defaclacl) a
)
SELECT what, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END, privilege, grantable, pg_get_userbyid(owner)::text
FROM rights WHERE grantee <> owner
UNION ALL
SELECT CASE WHEN x.extname IS NULL THEN NULL ELSE 'extension ' || x.extname END, 'whoever may use it', 'USAGE', false, pg_get_userbyid(x.extowner)::text
FROM pg_extension x WHERE x.extname <> 'plpgsql'
ORDER BY 1, 2, 3;
