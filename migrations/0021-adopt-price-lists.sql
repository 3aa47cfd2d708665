-- depends: 0020-create-preparations
-- Suppliers, and the order that PHP inserts for each of their price lists: fetch it, read it, match it.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    pending record;
BEGIN
    PERFORM catalogd_adopt_table('suppliers');
    PERFORM catalogd_adopt_column('suppliers', 'name', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('suppliers', 'source_type', 'text', 'varchar(20)');
    PERFORM catalogd_adopt_column('suppliers', 'source_url', 'text', 'text');
    PERFORM catalogd_adopt_column('suppliers', 'is_active', 'boolean', 'boolean NOT NULL DEFAULT true');
    PERFORM catalogd_adopt_column('suppliers', 'meta', 'jsonb', 'jsonb NOT NULL DEFAULT ''{}''');
    PERFORM catalogd_adopt_column('suppliers', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_column('suppliers', 'updated_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_index('suppliers', ARRAY['name'], true);

    PERFORM catalogd_adopt_table('supplier_imports');
    PERFORM catalogd_adopt_column('supplier_imports', 'status', 'text', 'varchar(20) NOT NULL DEFAULT ''pending''');
    PERFORM catalogd_adopt_column('supplier_imports', 'supplier_id', 'id', 'bigint');
    PERFORM catalogd_adopt_column('supplier_imports', 'source_type', 'text', 'varchar(20)');
    PERFORM catalogd_adopt_column('supplier_imports', 'source_url', 'text', 'text');
    PERFORM catalogd_adopt_column('supplier_imports', 'column_mapping', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'options', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'phase', 'text', 'varchar(20) NOT NULL DEFAULT ''downloading''');
    PERFORM catalogd_adopt_column('supplier_imports', 'phase_percent', 'count', 'smallint NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'failed_phase', 'text', 'varchar(20)');
    PERFORM catalogd_adopt_column('supplier_imports', 'line_numbers', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'total_lines', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'processed_lines', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'success_lines', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'error_lines', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'remaining_lines', 'count', 'integer');
    PERFORM catalogd_adopt_column('supplier_imports', 'retry_count', 'count', 'integer NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'priority', 'count', 'smallint NOT NULL DEFAULT 0');
    PERFORM catalogd_adopt_column('supplier_imports', 'file_name', 'text', 'text');
    PERFORM catalogd_adopt_column('supplier_imports', 'file_checksum', 'text', 'text');
    PERFORM catalogd_adopt_column('supplier_imports', 'fetched', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'detected', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'ml_job', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_imports', 'created_by', 'id', 'bigint');
    PERFORM catalogd_adopt_column('supplier_imports', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_column('supplier_imports', 'started_at', 'time', 'timestamptz');
    PERFORM catalogd_adopt_column('supplier_imports', 'completed_at', 'time', 'timestamptz');
    PERFORM catalogd_adopt_column('supplier_imports', 'error_message', 'text', 'text');
    PERFORM catalogd_adopt_foreign_key('supplier_imports', 'supplier_id', 'suppliers', 'SET NULL');
    PERFORM catalogd_adopt_foreign_key('supplier_imports', 'created_by', 'users', 'SET NULL');
    PERFORM catalogd_adopt_index('supplier_imports', ARRAY['status']);
    PERFORM catalogd_adopt_index('supplier_imports', ARRAY['supplier_id']);
    PERFORM catalogd_adopt_check('supplier_imports', 'import_status_known',
        'status IN (''pending'', ''processing'', ''completed'', ''failed'', ''cancelled'')');
    PERFORM catalogd_adopt_check('supplier_imports', 'import_phase_known',
        'phase IN (''downloading'', ''analyzing'', ''matching'', ''complete'', ''failed'')');

    -- The lines that could not be used. One that is wrong in itself says which column, and what stands there.
    PERFORM catalogd_adopt_column('categorization_errors', 'details', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_table('supplier_import_errors');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'import_id', 'id', 'bigint NOT NULL');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'item', 'jsonb', 'jsonb NOT NULL');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'code', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'message', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'details', 'jsonb', 'jsonb');
    PERFORM catalogd_adopt_column('supplier_import_errors', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_foreign_key('supplier_import_errors', 'import_id', 'supplier_imports', 'CASCADE');
    PERFORM catalogd_adopt_index('supplier_import_errors', ARRAY['import_id']);

    FOR pending IN
        SELECT conrelid::regclass AS of_table, conname AS name
        FROM pg_constraint
        WHERE conrelid IN (to_regclass('suppliers'), to_regclass('supplier_imports'), to_regclass('supplier_import_errors'))
          AND NOT convalidated
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', pending.of_table, pending.name);
        EXCEPTION WHEN check_violation OR foreign_key_violation THEN
            RAISE EXCEPTION 'table %: rows that were there already break %: %', pending.of_table, pending.name, SQLERRM
                USING ERRCODE = 'check_violation',
                      HINT = format('correct or remove those rows of %s, then run "catalogd migrate" again', pending.of_table);
        END;
    END LOOP;
END
$$;
CREATE INDEX IF NOT EXISTS supplier_imports_pending ON supplier_imports (id) WHERE status = 'pending';

-- The lines of a list between reading and matching, numbered as in their file; those that cannot be used say why.
CREATE TABLE IF NOT EXISTS supplier_import_lines (
    import_id bigint NOT NULL REFERENCES supplier_imports (id) ON DELETE CASCADE,
    number integer NOT NULL,
    item_key text,
    sku text,
    name text,
    manufacturer text,
    part_number text,
    barcode text,
    price numeric(14,4),
    currency text,
    stock numeric(14,3),
    is_available boolean,
    characteristics jsonb,
    error jsonb,
    PRIMARY KEY (import_id, number)
) WITH (autovacuum_vacuum_cost_delay = 0);
DO $$
BEGIN
    PERFORM catalogd_require_columns('supplier_import_lines',
        ARRAY['import_id', 'number', 'item_key', 'sku', 'name', 'manufacturer', 'part_number', 'barcode', 'price', 'currency',
              'stock', 'is_available', 'characteristics', 'error'],
        'DROP TABLE supplier_import_lines, then migrate: lists that are being imported are read again');
END
$$;
CREATE INDEX IF NOT EXISTS supplier_import_lines_of_item ON supplier_import_lines (import_id, item_key, number)
    WHERE error IS NULL;

-- The phase goes with the status: whoever ends a batch says how, and a retry goes on where it failed.
CREATE OR REPLACE FUNCTION catalogd_import_moved() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE NEW.status
        WHEN 'completed' THEN
            NEW.phase := 'complete';
            NEW.phase_percent := 100;
        WHEN 'failed' THEN
            NEW.failed_phase := CASE WHEN OLD.phase = 'failed' THEN OLD.failed_phase ELSE OLD.phase END;
            NEW.phase := 'failed';
        WHEN 'pending' THEN
            NEW.phase := CASE OLD.phase
                WHEN 'failed' THEN coalesce(OLD.failed_phase, 'downloading')
                WHEN 'complete' THEN 'matching'
                ELSE OLD.phase
            END;
            NEW.failed_phase := NULL;
        ELSE
            NULL;
    END CASE;
    RETURN NEW;
END
$$;
REVOKE EXECUTE ON FUNCTION catalogd_import_moved() FROM PUBLIC;

DROP TRIGGER IF EXISTS catalogd_import_moved ON supplier_imports;
CREATE TRIGGER catalogd_import_moved
    BEFORE UPDATE OF status ON supplier_imports
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION catalogd_import_moved();

DROP TRIGGER IF EXISTS catalogd_batch_inserted ON supplier_imports;
CREATE TRIGGER catalogd_batch_inserted
    AFTER INSERT ON supplier_imports
    FOR EACH STATEMENT
    EXECUTE FUNCTION catalogd_batch_inserted();

DROP TRIGGER IF EXISTS catalogd_batch_ordered ON supplier_imports;
CREATE TRIGGER catalogd_batch_ordered
    BEFORE UPDATE OF status ON supplier_imports
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('pending', 'cancelled'))
    EXECUTE FUNCTION catalogd_batch_ordered('supplier_import');

COMMENT ON COLUMN suppliers.meta IS
    'the supplier''s own switches: use_ml_processing, column_mapping, currency, decimal_comma and other options of a list';
COMMENT ON COLUMN supplier_imports.fetched IS 'what the server said of the file: ETag, Last-Modified, size, content type';
COMMENT ON COLUMN supplier_imports.detected IS 'how the file was read: encoding, delimiter, sheets, which column is what';
COMMENT ON COLUMN supplier_imports.failed_phase IS 'where a retry goes on';
