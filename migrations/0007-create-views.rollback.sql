-- Views that a shop made of its own carry no such comment, and stay.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    view_name text;
BEGIN
    FOREACH view_name IN ARRAY ARRAY['catalogd_products', 'catalogd_categories'] LOOP
        IF obj_description(to_regclass(view_name), 'pg_class') LIKE 'default made by catalogd%' THEN
            EXECUTE format('DROP VIEW %I', view_name);
        END IF;
    END LOOP;
END
$$;
