-- Nobody needs to decide any more.
UPDATE match_reviews
SET status = 'superseded'
WHERE supplier_item_id = ANY(%(item_ids)s)
  AND status = 'pending'
