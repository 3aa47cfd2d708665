-- What hangs on a table and would stay behind with its first partition, or cannot be had on a partitioned one.
WITH own AS (
    SELECT oid, relname, relrowsecurity, relispartition
    FROM pg_class
    WHERE oid = quote_ident(%(table)s)::regclass
)
SELECT format('view %%s, which reads it', view.oid::regclass)
FROM own
JOIN pg_depend AS link ON link.refobjid = own.oid AND link.refclassid = 'pg_class'::regclass
JOIN pg_rewrite AS rule ON rule.oid = link.objid AND link.classid = 'pg_rewrite'::regclass
JOIN pg_class AS view ON view.oid = rule.ev_class
UNION
SELECT format('trigger %%s', t.tgname)
FROM own
JOIN pg_trigger AS t ON t.tgrelid = own.oid AND NOT t.tgisinternal AND t.tgname NOT LIKE 'catalogd%%'
UNION
SELECT 'row level security'
FROM own
WHERE relrowsecurity
UNION
SELECT format('publication %%s', p.pubname)
FROM own
JOIN pg_publication_rel AS link ON link.prrelid = own.oid
JOIN pg_publication AS p ON p.oid = link.prpubid
UNION
SELECT 'inheritance'
FROM own
JOIN pg_inherits AS link ON own.oid IN (link.inhparent, link.inhrelid)
UNION
SELECT format('constraint %%s, which is not validated', c.conname)
FROM own
JOIN pg_constraint AS c ON c.conrelid = own.oid AND NOT c.convalidated AND c.conname <> %(bound)s
UNION
SELECT format('exclusion constraint %%s', c.conname)
FROM own
JOIN pg_constraint AS c ON c.conrelid = own.oid AND c.contype = 'x'
UNION
SELECT 'its key: id is not the primary key'
FROM own
WHERE NOT EXISTS (
    SELECT
    FROM pg_index AS i
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = own.oid
      AND i.indisprimary
      AND i.indnkeyatts = 1
      AND a.attname = 'id'
)
ORDER BY 1
