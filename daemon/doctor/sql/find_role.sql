-- Who we are, what that role is, and whether it is one that the daemon could run as.
SELECT current_user,
       role.rolsuper,
       role.rolcreaterole OR role.rolbypassrls OR role.rolcreatedb,
       pg_has_role(current_user, batches.relowner, 'MEMBER'),
       has_schema_privilege(batches.relnamespace, 'CREATE'),
       EXISTS (
           SELECT
           FROM pg_namespace
           CROSS JOIN aclexplode(nspacl) AS entry
           WHERE pg_namespace.oid = batches.relnamespace
             AND entry.grantee = 0
             AND entry.privilege_type = 'CREATE'
       ),
       has_any_column_privilege('batch_slices', 'UPDATE')
FROM pg_roles AS role
CROSS JOIN pg_class AS batches
WHERE role.rolname = current_user
  AND batches.oid = 'categorization_batches'::regclass
