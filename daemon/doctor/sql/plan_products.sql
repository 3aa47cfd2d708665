-- About how many products there are.
EXPLAIN (FORMAT JSON) SELECT product_id FROM catalogd_products
