-- depends: 0001-create-adoption-helpers
-- The order that PHP inserts: a batch of products to categorise.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    PERFORM catalogd_require_table('users');
    PERFORM catalogd_adopt_table('categorization_batches');
    PERFORM catalogd_adopt_column('categorization_batches', 'status', 'text', 'varchar(20) NOT NULL DEFAULT ''pending''');
    PERFORM catalogd_adopt_column('categorization_batches', 'product_ids', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('categorization_batches', 'total_products', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'processed_products', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'success_products', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'error_products', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'remaining_products', 'count', 'integer');
    PERFORM catalogd_adopt_column('categorization_batches', 'retry_count', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'priority', 'count', 'smallint NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('categorization_batches', 'created_by', 'id', 'bigint');
    PERFORM catalogd_adopt_column('categorization_batches', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_column('categorization_batches', 'started_at', 'time', 'timestamptz');
    PERFORM catalogd_adopt_column('categorization_batches', 'completed_at', 'time', 'timestamptz');
    PERFORM catalogd_adopt_column('categorization_batches', 'error_message', 'text', 'text');
    PERFORM catalogd_adopt_foreign_key('categorization_batches', 'created_by', 'users', 'SET NULL');
    PERFORM catalogd_adopt_index('categorization_batches', ARRAY['status']);
    PERFORM catalogd_adopt_check('categorization_batches', 'batch_status_known',
        'status IN (''pending'', ''processing'', ''completed'', ''failed'', ''cancelled'')');
END
$$;

-- The few that wait, in order: claiming does not slow down as finished batches pile up.
CREATE INDEX IF NOT EXISTS categorization_batches_pending ON categorization_batches (id) WHERE status = 'pending';
