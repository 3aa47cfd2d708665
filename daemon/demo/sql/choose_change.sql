-- Of the linked items that a list has repriced, the one whose price moved most, with the best offer for its product.
SELECT item.sku,
       product.sku AS product,
       before.price AS before,
       changed.price AS after,
       changed.currency,
       offer.minimum_price
FROM supplier_item_prices AS changed
JOIN supplier_items AS item ON item.id = changed.supplier_item_id
JOIN products AS product ON product.id = item.product_id
JOIN product_offers AS offer ON offer.product_id = item.product_id AND offer.currency = changed.currency
JOIN LATERAL (
    SELECT price
    FROM supplier_item_prices AS earlier
    WHERE earlier.supplier_item_id = item.id
      AND earlier.id < changed.id
    ORDER BY earlier.id DESC
    LIMIT 1
) AS before ON true
WHERE changed.import_id = %(import_id)s
  AND item.match_status = 'linked'
ORDER BY abs(changed.price - before.price) DESC, item.id
LIMIT 1
