SELECT nextval(sequence)
FROM (SELECT pg_get_serial_sequence('predictions', 'id')::regclass AS sequence OFFSET 0) AS known  -- looked up once
CROSS JOIN generate_series(1, %(count)s)
