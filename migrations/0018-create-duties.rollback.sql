SET LOCAL lock_timeout = '3s';
DROP TABLE IF EXISTS catalogd_duties;
