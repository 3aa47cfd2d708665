SET LOCAL lock_timeout = '3s';
DROP VIEW IF EXISTS lived_precision_by_model;
DROP VIEW IF EXISTS lived_precision;
DROP VIEW IF EXISTS lived_decisions;
