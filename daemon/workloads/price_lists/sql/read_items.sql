-- The supplier's items as they are known, and the products that people said they are not.
SELECT item.id,
       item.supplier_id,
       item.item_key,
       item.product_id,
       item.match_status,
       item.match_score,
       item.match_reasons,
       item.draft_id,
       item.name,
       item.manufacturer,
       item.part_number,
       item.barcode,
       item.characteristics,
       ARRAY(
           SELECT DISTINCT (candidate.value ->> 'product_id')::bigint AS product_id
           FROM match_reviews AS review
           CROSS JOIN jsonb_array_elements(review.candidates) AS candidate (value)
           WHERE review.supplier_item_id = item.id
             AND review.status = 'rejected'
           ORDER BY product_id
       ) AS refused
FROM unnest(%(supplier_ids)s::bigint[], %(item_keys)s::text[]) AS wanted (supplier_id, item_key)
JOIN supplier_items AS item
  ON item.supplier_id = wanted.supplier_id
 AND item.item_key = wanted.item_key
