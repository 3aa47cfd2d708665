SET LOCAL lock_timeout = '3s';
DROP VIEW IF EXISTS batch_drift;
DROP TABLE IF EXISTS batch_observations;
