-- depends: 0018-create-duties
-- A model that was learned is not yet in use. In use is the one promoted last; one that was kept back, or taken back, has
-- no such time. An instance of the version before looks at the newest alone, and one that learns puts its model into use:
-- the default does that.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF NOT EXISTS (SELECT
                   FROM pg_attribute
                   WHERE attrelid = 'categorization_models'::regclass AND attname = 'promoted_at' AND NOT attisdropped) THEN
        ALTER TABLE categorization_models ADD COLUMN promoted_at timestamptz;
        UPDATE categorization_models SET promoted_at = learned_at;
        -- The newest is in use, whatever the clock said when it was learned.
        UPDATE categorization_models AS newest
        SET promoted_at = greatest(now(), (SELECT max(promoted_at) FROM categorization_models))
        WHERE version = (SELECT max(version) FROM categorization_models)
          AND promoted_at < (SELECT max(promoted_at) FROM categorization_models);
    END IF;
END
$$;
ALTER TABLE categorization_models
    ALTER COLUMN promoted_at SET DEFAULT now(),
    ADD COLUMN IF NOT EXISTS withdrawn_at timestamptz,
    ADD COLUMN IF NOT EXISTS fingerprint text,
    ADD COLUMN IF NOT EXISTS settings jsonb,
    ADD COLUMN IF NOT EXISTS catalogd_version text,
    ADD COLUMN IF NOT EXISTS label_digests bigint[],
    ADD COLUMN IF NOT EXISTS judged_products bigint[],
    ADD COLUMN IF NOT EXISTS judged_codes text[],
    ADD COLUMN IF NOT EXISTS judged_confidences real[];
DO $$
BEGIN
    PERFORM catalogd_require_columns('categorization_models',
        ARRAY['promoted_at', 'withdrawn_at', 'fingerprint', 'settings', 'catalogd_version', 'label_digests',
              'judged_products', 'judged_codes', 'judged_confidences'],
        'DROP TABLE categorization_models, migrate, then run "catalogd learn"');
END
$$;
-- Every slice asks which model is in use.
CREATE INDEX IF NOT EXISTS categorization_models_in_use
    ON categorization_models (promoted_at DESC, version DESC)
    WHERE promoted_at IS NOT NULL;
COMMENT ON COLUMN categorization_models.withdrawn_at IS 'when it was taken back, by "catalogd models rollback"';
COMMENT ON COLUMN categorization_models.fingerprint IS 'SHA-256 of the products and categories that it was learned from';
COMMENT ON COLUMN categorization_models.label_digests IS 'of what people had decided, in buckets of products';
COMMENT ON COLUMN categorization_models.judged_products IS 'held out while learning: what a twin said of them that had not seen them';
