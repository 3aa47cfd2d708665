-- A person's decision. What a newer prediction has superseded is not decided any more.
UPDATE predictions
SET status = %(status)s,
    updated_at = now()
WHERE id = %(prediction_id)s
  AND status IN ('pending', 'approved', 'rejected')
RETURNING batch_id
