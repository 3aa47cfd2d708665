-- What each of the supplier's items was said to be, with the shop's numbers.
SELECT item.sku,
       item.match_status AS status,
       product.sku AS product,
       ARRAY(
           SELECT candidate.sku
           FROM jsonb_array_elements(review.candidates) WITH ORDINALITY AS entry (value, place)
           JOIN products AS candidate ON candidate.id = (entry.value ->> 'product_id')::bigint
           ORDER BY entry.place
       ) AS candidates
FROM supplier_items AS item
LEFT JOIN products AS product ON product.id = item.product_id
LEFT JOIN match_reviews AS review ON review.supplier_item_id = item.id AND review.status = 'pending'
