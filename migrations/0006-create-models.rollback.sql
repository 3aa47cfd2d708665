SET LOCAL lock_timeout = '3s';
DROP TABLE IF EXISTS categorization_models;
