SET LOCAL lock_timeout = '3s';
DROP VIEW IF EXISTS metric_trends;
DROP VIEW IF EXISTS experiment_summary;
DROP TABLE IF EXISTS prediction_results;
DROP TABLE IF EXISTS prediction_experiments;
