-- The products that drafts of these keys were made into.
SELECT product_id
FROM product_drafts
WHERE draft_key = ANY(%(draft_keys)s)
  AND status = 'accepted'
  AND product_id IS NOT NULL
