-- What people have decided: the category they gave a product, or else the one that they named last when they approved a
-- prediction or recommended another, unless they found it wrong since (people.decisions.weigh says the same).
SELECT product.product_id AS id,
       product.sku,
       product.name,
       product.manufacturer,
       product.part_number,
       product.description,
       product.attributes,
       category.code AS category_code
FROM catalogd_products AS product
LEFT JOIN (
    SELECT DISTINCT ON (product_id)
           product_id,
           right_category_code AS code,
           decided_at,
           id
    FROM human_decisions
    WHERE right_category_code IS NOT NULL
    ORDER BY product_id, decided_at DESC, id DESC
) AS named ON named.product_id = product.product_id
          AND product.category_code IS NULL
          AND NOT EXISTS (
              SELECT
              FROM human_decisions AS later
              WHERE later.product_id = named.product_id
                AND (later.decided_at, later.id) > (named.decided_at, named.id)
                AND later.predicted_category_code = named.code
                AND NOT later.is_right
          )
JOIN catalogd_categories AS category ON category.code = coalesce(product.category_code, named.code)
ORDER BY product.product_id
