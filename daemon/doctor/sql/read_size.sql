-- What the database takes, in bytes.
SELECT pg_database_size(current_database())
