-- The products without a category, and some of those that have one, in id order.
SELECT array(
           SELECT id
           FROM products
           WHERE category_code IS NULL
           ORDER BY id
       ) AS held_out,
       array(
           SELECT id
           FROM products
           WHERE category_code IS NOT NULL
           ORDER BY id
           LIMIT %(known)s
       ) AS known,
       (SELECT max(id) + 1000 FROM products) AS no_product
