-- Rights that this role has not, of those that commands that only look need, and where it is one to run the daemon as, of
-- those that the daemon needs. They are given by "catalogd grants", column by column; here it is asked for some column.
WITH wanted (relation, privileges, is_for_running) AS (
    VALUES
        ('categorization_batches', 'SELECT', false),
        ('predictions', 'SELECT', false),
        ('categorization_errors', 'SELECT', false),
        ('batch_slices', 'SELECT', false),
        ('batch_preparations', 'SELECT', false),
        ('batch_drift', 'SELECT', false),
        ('categorization_models', 'SELECT', false),
        ('category_rules', 'SELECT', false),
        ('lived_precision', 'SELECT', false),
        ('catalogd_duties', 'SELECT', false),
        ('catalogd_products', 'SELECT', false),
        ('catalogd_categories', 'SELECT', false),
        ('supplier_imports', 'SELECT', false),
        ('supplier_import_errors', 'SELECT', false),
        ('categorization_batches', 'UPDATE', true),
        ('predictions', 'INSERT, UPDATE', true),
        ('evidence', 'INSERT', true),
        ('categorization_errors', 'INSERT, DELETE', true),
        ('audit_log', 'INSERT', true),
        ('products', 'SELECT, UPDATE', true),
        ('batch_slices', 'INSERT, UPDATE, DELETE', true),
        ('batch_preparations', 'INSERT, UPDATE, DELETE', true),
        ('batch_observations', 'INSERT', true),
        ('categorization_models', 'INSERT, UPDATE, DELETE', true),
        ('human_decisions', 'SELECT', true),
        ('human_recommendations', 'SELECT', true),
        ('lived_decisions', 'SELECT', true),
        ('catalogd_duties', 'INSERT, UPDATE', true),
        ('suppliers', 'SELECT, INSERT, UPDATE', true),
        ('supplier_imports', 'INSERT, UPDATE', true),
        ('supplier_import_lines', 'SELECT, INSERT, DELETE', true),
        ('supplier_import_results', 'SELECT, INSERT, DELETE', true),
        ('supplier_import_errors', 'INSERT, DELETE', true),
        ('supplier_items', 'SELECT, INSERT, UPDATE', true),
        ('supplier_item_prices', 'INSERT', true),
        ('match_reviews', 'SELECT, INSERT, UPDATE', true),
        ('product_drafts', 'SELECT, INSERT, UPDATE, DELETE', true)
)
SELECT wanted.relation,
       privilege
FROM wanted
CROSS JOIN LATERAL regexp_split_to_table(wanted.privileges, ', ') AS privilege
WHERE to_regclass(wanted.relation) IS NOT NULL
  AND (NOT wanted.is_for_running OR %(may_run)s)
  AND NOT CASE
      WHEN privilege = 'DELETE' THEN has_table_privilege(to_regclass(wanted.relation), privilege)
      ELSE has_any_column_privilege(to_regclass(wanted.relation), privilege)
  END
ORDER BY 1, 2
