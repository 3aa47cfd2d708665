-- Of each kind an item that has much to tell. What forbids a link is the first reason: it says that something differs, or is
-- there on one side only. Of a draft the product that it was compared with is not kept.
SELECT DISTINCT ON (kind.place)
       kind.name AS kind,
       item.sku,
       item.name,
       item.match_status AS status,
       item.match_score AS score,
       item.match_reasons AS reasons,
       product.sku AS product,
       product.name AS product_name
FROM supplier_items AS item
LEFT JOIN match_reviews AS review ON review.supplier_item_id = item.id AND review.status = 'pending'
LEFT JOIN products AS product
  ON product.id = coalesce(item.product_id, (review.candidates -> 0 ->> 'product_id')::bigint)
CROSS JOIN LATERAL (
    SELECT CASE
               WHEN item.match_status = 'linked' THEN 1
               WHEN item.match_reasons -> 0 ->> 'kind' ~ '_(other|part|one_sided)$' THEN 3
               WHEN item.match_status = 'review' THEN 2
           END AS place
) AS sorted
JOIN (VALUES (1, 'linked'), (2, 'review'), (3, 'vetoed')) AS kind (place, name) ON kind.place = sorted.place
ORDER BY kind.place, item.match_status DESC, jsonb_array_length(item.match_reasons) DESC, item.id
