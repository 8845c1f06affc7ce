-- Every role that PostgreSQL doesn't bring along, with what it may do by itself and whose member it is.
SELECT r.rolname::text,
  array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
    CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
    CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
    CASE WHEN r.rolcanlogin AND coalesce(r.rolvaliduntil, 'infinity') > now() + interval '1 day' THEN 'WITHOUT END' END], NULL) || coalesce((
      SELECT array_agg('member of ' || pg_get_userbyid(m.roleid) || CASE WHEN m.admin_option THEN ' with ADMIN OPTION' ELSE '' END)
      FROM pg_auth_members m WHERE m.member = r.oid), '{}')
FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1;
