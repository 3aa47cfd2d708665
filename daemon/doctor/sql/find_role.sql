-- Who we are, what that role is, whether it is one that the daemon could run as, and of which roles it is a member that
-- give more than any of catalogd's has: predefined ones, and those that may make roles or databases, or are superusers.
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
       has_any_column_privilege('batch_slices', 'UPDATE'),
       ARRAY(
           SELECT mighty.rolname::text
           FROM pg_roles AS mighty
           WHERE mighty.rolname <> current_user
             AND pg_has_role(current_user, mighty.oid, 'MEMBER')
             AND (mighty.rolsuper OR mighty.rolcreaterole OR mighty.rolcreatedb OR mighty.rolbypassrls
                  OR mighty.rolname IN ('pg_write_all_data', 'pg_read_all_data', 'pg_execute_server_program',
                                        'pg_read_server_files', 'pg_write_server_files', 'pg_maintain',
                                        'pg_create_subscription', 'pg_database_owner'))
           ORDER BY 1
       )
FROM pg_roles AS role
CROSS JOIN pg_class AS batches
WHERE role.rolname = current_user
  AND batches.oid = 'categorization_batches'::regclass
