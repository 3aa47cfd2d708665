-- Without these columns the newest is in use: what was learned after the one in use now goes.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF EXISTS (SELECT
               FROM pg_attribute
               WHERE attrelid = to_regclass('categorization_models') AND attname = 'promoted_at' AND NOT attisdropped) THEN
        DELETE FROM categorization_models
        WHERE version > (SELECT version
                         FROM categorization_models
                         WHERE promoted_at IS NOT NULL
                         ORDER BY promoted_at DESC, version DESC
                         LIMIT 1);
    END IF;
END
$$;
DROP INDEX IF EXISTS categorization_models_in_use;
ALTER TABLE IF EXISTS categorization_models
    DROP COLUMN IF EXISTS promoted_at,
    DROP COLUMN IF EXISTS withdrawn_at,
    DROP COLUMN IF EXISTS fingerprint,
    DROP COLUMN IF EXISTS settings,
    DROP COLUMN IF EXISTS catalogd_version,
    DROP COLUMN IF EXISTS label_digests,
    DROP COLUMN IF EXISTS judged_products,
    DROP COLUMN IF EXISTS judged_codes,
    DROP COLUMN IF EXISTS judged_confidences;
