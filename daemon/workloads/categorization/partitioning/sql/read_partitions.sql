-- The partitions of a table with their bounds as Postgres writes them, lowest first; the open ends are NULL.
SELECT partition.relname AS name,
       bounds[1]::bigint AS lower,
       bounds[2]::bigint AS upper
FROM pg_class AS parent
JOIN pg_inherits AS link ON link.inhparent = parent.oid
JOIN pg_class AS partition ON partition.oid = link.inhrelid
CROSS JOIN LATERAL regexp_match(
    pg_get_expr(partition.relpartbound, partition.oid),
    'FROM \((?:MINVALUE|''?(-?\d+)''?)\) TO \((?:MAXVALUE|''?(-?\d+)''?)\)'
) AS bounds
WHERE parent.relname = %(table)s
  AND parent.relnamespace = quote_ident(current_schema())::regnamespace
ORDER BY lower NULLS FIRST
