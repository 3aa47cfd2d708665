-- depends: 0008-create-triggers
-- The constraints were added unvalidated, to hold no lock for long; now old rows are checked against them too.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    pending record;
BEGIN
    FOR pending IN
        SELECT c.conrelid::regclass AS tbl, c.conname AS name
        FROM catalogd_additions a
        JOIN pg_constraint c ON c.conrelid = to_regclass(quote_ident(a.table_name)) AND c.conname = a.name
        WHERE a.kind = 'constraint' AND NOT c.convalidated
        ORDER BY a.id
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', pending.tbl, pending.name);
        EXCEPTION WHEN check_violation OR foreign_key_violation THEN
            RAISE EXCEPTION 'table %: rows that were there already break %: %', pending.tbl, pending.name, SQLERRM
                USING ERRCODE = 'check_violation',
                      HINT = format('correct or remove those rows of %s, then run "catalogd migrate" again', pending.tbl);
        END;
    END LOOP;
END
$$;
