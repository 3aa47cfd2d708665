-- Lock the items that are there, and see what people may have decided meanwhile.
SELECT item.supplier_id,
       item.item_key,
       item.product_id,
       item.match_status
FROM supplier_items AS item
WHERE item.id = ANY(%(ids)s)
ORDER BY item.id
FOR NO KEY UPDATE
