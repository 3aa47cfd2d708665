-- Drafts that nothing is a draft of any more, and that nobody has decided on.
DELETE FROM product_drafts AS draft
WHERE draft.id = ANY(%(draft_ids)s)
  AND draft.status = 'draft'
  AND NOT EXISTS (SELECT FROM supplier_items AS item WHERE item.draft_id = draft.id)
