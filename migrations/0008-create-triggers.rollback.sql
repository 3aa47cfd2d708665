SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF to_regclass('categorization_batches') IS NOT NULL THEN
        DROP TRIGGER IF EXISTS catalogd_batch_ordered ON categorization_batches;
        DROP TRIGGER IF EXISTS catalogd_batch_inserted ON categorization_batches;
    END IF;
END
$$;
DROP FUNCTION IF EXISTS catalogd_batch_ordered();
DROP FUNCTION IF EXISTS catalogd_batch_inserted();
