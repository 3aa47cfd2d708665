-- Which session of the server this is, and where it looks names up: where it did when it connected, whatever schema
-- somebody makes later, and last of all among temporary tables, which Postgres takes first unless it is told.
-- A pooler answers in the server's place, with a pid of its own. It hands the session on: were that called ours, PHP would
-- be taken for a frozen worker in it. The name goes in the very statement that brings it, another may be in another session.
SELECT pg_backend_pid(),
       CASE WHEN pg_backend_pid() <> %(pid)s THEN set_config('application_name', '', false) END,
       coalesce(string_agg(quote_ident(schema), ', ' ORDER BY place) || ', pg_temp', current_setting('search_path'))
FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, place)
WHERE schema NOT LIKE 'pg\_temp%%'
