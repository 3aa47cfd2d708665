-- depends: 0003-adopt-predictions
-- Who moved what, and when; and the items of a batch that could not be treated, with the reason.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    PERFORM catalogd_adopt_table('audit_log');
    PERFORM catalogd_adopt_column('audit_log', 'entity_type', 'text', 'varchar(50) NOT NULL');
    PERFORM catalogd_adopt_column('audit_log', 'entity_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('audit_log', 'action', 'text', 'varchar(50) NOT NULL');
    PERFORM catalogd_adopt_column('audit_log', 'actor_type', 'text', 'varchar(20) NOT NULL');
    PERFORM catalogd_adopt_column('audit_log', 'actor_id', 'id', 'bigint');
    PERFORM catalogd_adopt_column('audit_log', 'metadata', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('audit_log', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_index('audit_log', ARRAY['entity_type', 'entity_id']);
    PERFORM catalogd_adopt_index('audit_log', ARRAY['created_at']);

    PERFORM catalogd_adopt_table('categorization_errors');
    PERFORM catalogd_adopt_column('categorization_errors', 'batch_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('categorization_errors', 'item', 'jsonb', 'jsonb NOT NULL');
    PERFORM catalogd_adopt_column('categorization_errors', 'code', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('categorization_errors', 'message', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('categorization_errors', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_foreign_key('categorization_errors', 'batch_id', 'categorization_batches', 'CASCADE');
    PERFORM catalogd_adopt_index('categorization_errors', ARRAY['batch_id']);
END
$$;
