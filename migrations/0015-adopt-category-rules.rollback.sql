SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF to_regclass('category_rules') IS NOT NULL THEN
        DROP TRIGGER IF EXISTS catalogd_rule_changed ON category_rules;
    END IF;
    PERFORM catalogd_remove_additions('category_rules');
END
$$;
DROP FUNCTION IF EXISTS catalogd_rule_changed();
