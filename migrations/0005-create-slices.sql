-- depends: 0004-adopt-audit-log
-- The engine's queue: slices of batches. A row is claimed, locked while it is treated, and deleted by the commit that
-- holds its results, so the table stays as small as the work that is left.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS batch_slices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workload text NOT NULL,
    batch_id bigint NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    turn bigint NOT NULL,
    items bigint[] NOT NULL,
    item_count integer NOT NULL GENERATED ALWAYS AS (cardinality(items)) STORED,
    attempts smallint NOT NULL DEFAULT 0,
    run_after timestamptz,
    claimed_at timestamptz,
    claimed_by text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.1);

DO $$
BEGIN
    PERFORM catalogd_require_columns('batch_slices',
        ARRAY['id', 'workload', 'batch_id', 'priority', 'turn', 'items', 'item_count', 'attempts', 'run_after', 'claimed_at',
              'claimed_by'],
        'DROP TABLE batch_slices; UPDATE categorization_batches SET status = ''pending'' WHERE status = ''processing''');
END
$$;

-- No column that claiming writes is in an index: claims stay heap-only updates.
CREATE INDEX IF NOT EXISTS batch_slices_in_turn ON batch_slices (workload, priority DESC, turn, id);
CREATE INDEX IF NOT EXISTS batch_slices_of_batch ON batch_slices (workload, batch_id);
