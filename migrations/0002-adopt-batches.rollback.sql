SET LOCAL lock_timeout = '3s';
DROP INDEX IF EXISTS categorization_batches_pending;
DO $$ BEGIN PERFORM catalogd_remove_additions('categorization_batches'); END $$;
