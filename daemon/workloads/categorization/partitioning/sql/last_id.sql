-- The highest id given out so far, and the highest that its column can hold.
SELECT greatest(
           coalesce((SELECT max(id) FROM predictions), 0),
           coalesce(pg_sequence_last_value(pg_get_serial_sequence('predictions', 'id')::regclass), 0)
       ) AS last_id,
       CASE (SELECT atttypid FROM pg_attribute WHERE attrelid = 'predictions'::regclass AND attname = 'id')
           WHEN 'integer'::regtype THEN 2147483647
           ELSE 9223372036854775807
       END AS limit_of_ids
