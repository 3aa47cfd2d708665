SET LOCAL lock_timeout = '3s';
DROP TABLE IF EXISTS batch_preparations;
