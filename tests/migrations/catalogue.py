"""A database's schema and rows as lines that can be compared."""

from pathlib import Path

import psycopg
from psycopg import sql

PHP_TABLES = Path(__file__).with_name("phinx_tables.sql").read_text(encoding="utf-8")

SCHEMA = r"""
WITH ours AS (
    SELECT oid, relname, relkind
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname !~ '^_?yoyo'
)
SELECT format('column %s.%s %s %s default %s identity %s generated %s', relname, attname,
              format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
              pg_get_expr(adbin, adrelid), attidentity, attgenerated)
FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind IN ('r', 'v')
UNION ALL
SELECT format('constraint %s on %s: %s', conname, relname, pg_get_constraintdef(c.oid))
FROM ours JOIN pg_constraint AS c ON conrelid = ours.oid
UNION ALL
SELECT format('index %s valid %s', pg_get_indexdef(indexrelid), indisvalid)
FROM ours JOIN pg_index ON indrelid = ours.oid
UNION ALL
SELECT format('trigger %s enabled %s', pg_get_triggerdef(t.oid), tgenabled)
FROM ours JOIN pg_trigger AS t ON tgrelid = ours.oid AND NOT tgisinternal
UNION ALL
SELECT format('%s %s %s comment %s', relkind, relname, CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END,
              obj_description(oid, 'pg_class'))
FROM ours WHERE relkind IN ('r', 'v', 'S')
UNION ALL
SELECT format('option %s %s', relname, reloptions)
FROM ours JOIN pg_class USING (oid, relname) WHERE reloptions IS NOT NULL
UNION ALL
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def schema_of(db: psycopg.Connection) -> list[str]:
    """Columns, constraints, indexes, triggers, views, sequences and functions, sorted; yoyo's own tables left out."""
    return sorted(line for (line,) in db.execute(SCHEMA))


def tables_of(db: psycopg.Connection) -> set[str]:
    rows = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^_?yoyo'")
    return {name for (name,) in rows}


def rows_of(db: psycopg.Connection, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every row of these tables, of these columns only."""
    found = {}
    for table, names in columns.items():
        query = sql.SQL("SELECT to_jsonb(r)::text FROM (SELECT {} FROM {}) AS r")
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        found[table] = sorted(row for (row,) in db.execute(query.format(listed, sql.Identifier(table))))
    return found


def columns_of(db: psycopg.Connection, views: bool = False) -> dict[str, list[str]]:
    """The columns of each table, and of each view when asked for, by name."""
    rows = db.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_name !~ '^_?yoyo' AND (table_type = 'BASE TABLE' OR %s)"
        " GROUP BY table_name",
        (views,),
    )
    return dict(rows.fetchall())
