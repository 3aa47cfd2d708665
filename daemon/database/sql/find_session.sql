-- Which session of the server this is, and where it looks names up: where it did when it connected, whatever schema
-- somebody makes later, and last of all among temporary tables, which Postgres takes first unless it is told.
SELECT pg_backend_pid(),
       coalesce(string_agg(quote_ident(schema), ', ' ORDER BY place) || ', pg_temp', current_setting('search_path'))
FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, place)
WHERE schema NOT LIKE 'pg\_temp%'
