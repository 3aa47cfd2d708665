-- Lock the items that are there, in the order of their ids.
SELECT
FROM unnest(%(supplier_ids)s::bigint[], %(item_keys)s::text[]) AS wanted (supplier_id, item_key)
JOIN supplier_items AS item
  ON item.supplier_id = wanted.supplier_id
 AND item.item_key = wanted.item_key
ORDER BY item.id
FOR NO KEY UPDATE OF item
