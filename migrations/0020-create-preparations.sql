-- depends: 0019-promote-models
-- What has to be done before a batch can be cut into slices, where a kind of work needs such a thing: who does it now, and
-- until when the others believe so. A row is there from the beginning of a preparation to the cutting of its batch.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS batch_preparations (
    workload text NOT NULL,
    batch_id bigint NOT NULL,
    is_ready boolean NOT NULL DEFAULT false,
    run_after timestamptz,
    retry_count bigint NOT NULL DEFAULT 0,
    claimed_by text,
    kept_until timestamptz,
    lease interval NOT NULL DEFAULT '15 s',
    tries smallint NOT NULL DEFAULT 0,
    deaths smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (workload, batch_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);
DO $$
BEGIN
    PERFORM catalogd_require_columns('batch_preparations',
        ARRAY['workload', 'batch_id', 'is_ready', 'run_after', 'retry_count', 'claimed_by', 'kept_until', 'lease', 'tries',
              'deaths'],
        'DROP TABLE batch_preparations, then migrate: what was being prepared is begun anew');
END
$$;
COMMENT ON COLUMN batch_preparations.kept_until IS 'after this moment its holder is taken for dead';
COMMENT ON COLUMN batch_preparations.retry_count IS 'of the batch: what was found out before it was set back does not count';
COMMENT ON COLUMN batch_preparations.tries IS 'failures in a row';
COMMENT ON COLUMN batch_preparations.deaths IS 'holders that were not heard of again';
