-- Who may do what with a relation and its columns, but for its owner: as the words of a GRANT, for another relation.
WITH given AS (
    SELECT relation.relowner AS owner, NULL::name AS column_name, entry.*
    FROM pg_class AS relation
    CROSS JOIN LATERAL aclexplode(relation.relacl) AS entry
    WHERE relation.oid = quote_ident(%(relation)s)::regclass
    UNION ALL
    SELECT relation.relowner, a.attname, entry.*
    FROM pg_class AS relation
    JOIN pg_attribute AS a ON a.attrelid = relation.oid AND NOT a.attisdropped
    CROSS JOIN LATERAL aclexplode(a.attacl) AS entry
    WHERE relation.oid = quote_ident(%(relation)s)::regclass
)
SELECT privilege_type || coalesce(' (' || quote_ident(column_name) || ')', '') AS privilege,
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee,
       is_grantable
FROM given
WHERE grantee <> owner
ORDER BY grantee, privilege
