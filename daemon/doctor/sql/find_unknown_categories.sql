-- Some categories of products that are no categories; of many products the first that come are looked at.
SELECT DISTINCT used.category_code
FROM (
    SELECT category_code
    FROM catalogd_products
    WHERE category_code IS NOT NULL
    LIMIT 20000
) AS used
WHERE NOT EXISTS (SELECT FROM catalogd_categories WHERE code = used.category_code)
ORDER BY 1
LIMIT 5
