SET LOCAL lock_timeout = '3s';
DROP TABLE IF EXISTS supplier_import_lines;
DO $$
BEGIN
    IF to_regclass('supplier_imports') IS NOT NULL THEN
        DROP TRIGGER IF EXISTS catalogd_batch_ordered ON supplier_imports;
        DROP TRIGGER IF EXISTS catalogd_batch_inserted ON supplier_imports;
        DROP TRIGGER IF EXISTS catalogd_import_moved ON supplier_imports;
        DROP INDEX IF EXISTS supplier_imports_pending;
    END IF;
    PERFORM catalogd_remove_additions('supplier_import_errors');
    PERFORM catalogd_remove_additions('supplier_imports');
    PERFORM catalogd_remove_additions('suppliers');
END
$$;
DROP FUNCTION IF EXISTS catalogd_import_moved();
