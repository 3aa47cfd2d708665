-- Which of these products the suppliers' other items are linked to.
SELECT item.supplier_id,
       item.product_id,
       item.item_key
FROM unnest(%(supplier_ids)s::bigint[], %(product_ids)s::bigint[]) AS wanted (supplier_id, product_id)
JOIN supplier_items AS item
  ON item.product_id = wanted.product_id
 AND item.supplier_id = wanted.supplier_id
WHERE item.match_status IN ('linked', 'confirmed')
  AND item.gone_at IS NULL
