-- depends: 0006-create-models
-- The one place that knows the shop's columns. A shop replaces these views to map its own schema; what it has made stays.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF to_regclass('catalogd_products') IS NULL THEN
        BEGIN
            CREATE VIEW catalogd_products AS
            SELECT id AS product_id, sku, name, manufacturer, part_number, description, attributes, category_code
            FROM products;
        EXCEPTION WHEN undefined_column THEN
            RAISE EXCEPTION 'table products: % (the shop''s columns differ from the default view''s)', SQLERRM
                USING ERRCODE = 'undefined_column',
                      HINT = 'create the view catalogd_products (product_id, sku, name, manufacturer, part_number,'
                             ' description, attributes jsonb, category_code) over the shop''s own columns, then migrate again';
        END;
        COMMENT ON VIEW catalogd_products IS 'default made by catalogd; replace it to map the shop''s own columns';
    END IF;
    IF to_regclass('catalogd_categories') IS NULL THEN
        BEGIN
            CREATE VIEW catalogd_categories AS
            SELECT code, label, path
            FROM categories;
        EXCEPTION WHEN undefined_table OR undefined_column THEN
            RAISE EXCEPTION 'table categories: % (the shop''s columns differ from the default view''s)', SQLERRM
                USING ERRCODE = 'undefined_column',
                      HINT = 'create the view catalogd_categories (code, label, path) over the shop''s own tables,'
                             ' then migrate again';
        END;
        COMMENT ON VIEW catalogd_categories IS 'default made by catalogd; replace it to map the shop''s own columns';
    END IF;
    PERFORM catalogd_require_columns('catalogd_products',
        ARRAY['product_id', 'sku', 'name', 'manufacturer', 'part_number', 'description', 'attributes', 'category_code'],
        'the view must have the columns product_id, sku, name, manufacturer, part_number, description, attributes jsonb,'
        ' category_code; select NULL for what the shop does not have');
    PERFORM catalogd_require_columns('catalogd_categories',
        ARRAY['code', 'label', 'path'],
        'the view must have the columns code, label and path');
END
$$;
