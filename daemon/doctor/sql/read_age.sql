-- How many seconds have passed since a moment, by the server's clock.
SELECT greatest(extract(epoch FROM now() - %(since)s::timestamptz), 0)::float8
