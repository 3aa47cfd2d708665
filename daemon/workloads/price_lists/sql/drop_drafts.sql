-- Drafts that nothing is a draft of any more, and that nobody has decided on. They are locked by a statement before: an item
-- that was added until then is seen by this one.
DELETE FROM product_drafts AS draft
WHERE draft.id = ANY(%(draft_ids)s)
  AND draft.status = 'draft'
  AND NOT EXISTS (SELECT FROM supplier_items AS item WHERE item.draft_id = draft.id)
