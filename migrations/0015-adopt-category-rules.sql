-- depends: 0014-collect-decisions
-- Rules that people write: a regular expression that speaks for a category, or against it, with a weight in log-odds. PHP
-- maintains them, the daemon reads them. The table is small: its constraints are looked at as they are added.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    pending record;
BEGIN
    PERFORM catalogd_require_table('users');
    PERFORM catalogd_adopt_table('category_rules');
    PERFORM catalogd_adopt_column('category_rules', 'field', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('category_rules', 'pattern', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('category_rules', 'category_code', 'text', 'text NOT NULL');
    PERFORM catalogd_adopt_column('category_rules', 'weight', 'numeric', 'numeric(4,2) NOT NULL DEFAULT 4');
    PERFORM catalogd_adopt_column('category_rules', 'note', 'text', 'text');
    PERFORM catalogd_adopt_column('category_rules', 'who', 'id', 'bigint');
    PERFORM catalogd_adopt_column('category_rules', 'is_active', 'boolean', 'boolean NOT NULL DEFAULT true');
    PERFORM catalogd_adopt_column('category_rules', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_column('category_rules', 'updated_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    PERFORM catalogd_adopt_check('category_rules', 'rule_field_known',
        'field IS NOT NULL AND'
        ' field IN (''sku'', ''name'', ''manufacturer'', ''part_number'', ''description'', ''attributes'')');
    PERFORM catalogd_adopt_check('category_rules', 'rule_says_something',
        'pattern IS NOT NULL AND pattern <> '''' AND category_code IS NOT NULL');
    PERFORM catalogd_adopt_check('category_rules', 'rule_weight_in_range',
        'weight IS NOT NULL AND weight BETWEEN -20 AND 20 AND weight <> 0');
    PERFORM catalogd_adopt_foreign_key('category_rules', 'who', 'users', 'SET NULL');
    FOR pending IN
        SELECT conname AS name
        FROM pg_constraint
        WHERE conrelid = to_regclass('category_rules') AND NOT convalidated
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE category_rules VALIDATE CONSTRAINT %I', pending.name);
        EXCEPTION WHEN check_violation OR foreign_key_violation THEN
            RAISE EXCEPTION 'table category_rules: rows that were there already break %: %', pending.name, SQLERRM
                USING ERRCODE = 'check_violation',
                      HINT = 'correct or remove those rows of category_rules, then run "catalogd migrate" again';
        END;
    END LOOP;
END
$$;

-- Every change is told in the audit log, by whatever client and role it is made, as an order is (0010). Long texts are
-- cut: the entry says what was changed, the table what it is.
DO $$
BEGIN
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_rule_changed() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            before jsonb;
            after jsonb;
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                before := pg_catalog.jsonb_build_object('field', OLD.field, 'pattern', left(OLD.pattern, 1000),
                    'category_code', OLD.category_code, 'weight', OLD.weight, 'note', left(OLD.note, 1000),
                    'who', OLD.who, 'is_active', OLD.is_active);
            END IF;
            IF TG_OP <> 'DELETE' THEN
                NEW.updated_at := pg_catalog.clock_timestamp();
                after := pg_catalog.jsonb_build_object('field', NEW.field, 'pattern', left(NEW.pattern, 1000),
                    'category_code', NEW.category_code, 'weight', NEW.weight, 'note', left(NEW.note, 1000),
                    'who', NEW.who, 'is_active', NEW.is_active);
            END IF;
            INSERT INTO %I.audit_log (entity_type, entity_id, action, actor_type, actor_id, metadata)
            VALUES ('category_rule',
                    CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END,
                    CASE TG_OP WHEN 'INSERT' THEN 'inserted' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
                    coalesce(nullif(pg_catalog.current_setting('catalogd.actor', true), ''), 'user'),
                    CASE WHEN TG_OP <> 'DELETE' THEN NEW.who END,
                    pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('from', before, 'to', after))
                        || pg_catalog.jsonb_build_object('role', session_user));
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END
        $body$
    $function$, current_schema());
END
$$;
REVOKE EXECUTE ON FUNCTION catalogd_rule_changed() FROM PUBLIC;

DROP TRIGGER IF EXISTS catalogd_rule_changed ON category_rules;
CREATE TRIGGER catalogd_rule_changed
    BEFORE INSERT OR UPDATE OR DELETE ON category_rules
    FOR EACH ROW
    EXECUTE FUNCTION catalogd_rule_changed();
