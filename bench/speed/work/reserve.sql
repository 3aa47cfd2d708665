SELECT nextval(pg_get_serial_sequence('predictions', 'id'))
FROM generate_series(1, $1::int)
