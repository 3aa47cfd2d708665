-- depends: 0002-adopt-batches
-- What catalogd answers: a prediction for each product of a batch, with the evidence for it.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    PERFORM catalogd_require_table('products');
    PERFORM catalogd_adopt_table('predictions');
    PERFORM catalogd_adopt_column('predictions', 'product_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('predictions', 'batch_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('predictions', 'suggested_category_code', 'text', 'text');
    PERFORM catalogd_adopt_column('predictions', 'suggested_category_label', 'text', 'text');
    PERFORM catalogd_adopt_column('predictions', 'confidence_score', 'numeric', 'numeric(5,2)');
    PERFORM catalogd_adopt_column('predictions', 'confidence_level', 'text', 'varchar(20)');
    PERFORM catalogd_adopt_column('predictions', 'status', 'text', 'varchar(20) NOT NULL DEFAULT ''pending''');
    PERFORM catalogd_adopt_column('predictions', 'model_version', 'count', 'bigint');
    PERFORM catalogd_adopt_column('predictions', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_column('predictions', 'updated_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_foreign_key('predictions', 'product_id', 'products', 'CASCADE');
    PERFORM catalogd_adopt_foreign_key('predictions', 'batch_id', 'categorization_batches', 'CASCADE');
    PERFORM catalogd_adopt_index('predictions', ARRAY['product_id']);
    PERFORM catalogd_adopt_index('predictions', ARRAY['batch_id']);
    PERFORM catalogd_adopt_index('predictions', ARRAY['status']);
    PERFORM catalogd_adopt_index('predictions', ARRAY['batch_id', 'product_id'], true);
    PERFORM catalogd_adopt_check('predictions', 'prediction_status_known',
        'status IN (''pending'', ''approved'', ''rejected'', ''superseded'')');
    PERFORM catalogd_adopt_check('predictions', 'confidence_level_known',
        'confidence_level IN (''high'', ''medium'', ''low'')');
    PERFORM catalogd_adopt_check('predictions', 'confidence_score_in_range',
        'confidence_score BETWEEN 10 AND 100');

    PERFORM catalogd_adopt_table('evidence');
    PERFORM catalogd_adopt_column('evidence', 'prediction_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('evidence', 'source_type', 'text', 'varchar(50)');
    PERFORM catalogd_adopt_column('evidence', 'source_label', 'text', 'text');
    PERFORM catalogd_adopt_column('evidence', 'evidence_value', 'text', 'text');
    PERFORM catalogd_adopt_column('evidence', 'weight', 'numeric', 'numeric(4,3)');
    PERFORM catalogd_adopt_column('evidence', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_foreign_key('evidence', 'prediction_id', 'predictions', 'CASCADE');
    PERFORM catalogd_adopt_index('evidence', ARRAY['prediction_id']);

    IF to_regclass('akeneo_workflow') IS NOT NULL THEN
        PERFORM catalogd_adopt_column('akeneo_workflow', 'prediction_id', 'id', 'bigint');
        PERFORM catalogd_adopt_foreign_key('akeneo_workflow', 'prediction_id', 'predictions', 'SET NULL');
    END IF;
END
$$;
