-- Drafts that nothing seems to be a draft of any more. One that another has in hand is of use to them: it is left.
SELECT draft.id
FROM product_drafts AS draft
WHERE draft.id = ANY(%(draft_ids)s)
  AND draft.status = 'draft'
  AND NOT EXISTS (SELECT FROM supplier_items AS item WHERE item.draft_id = draft.id)
FOR UPDATE SKIP LOCKED
