-- The next batches of a partition are never planned again: what they lost would be predicted a second time. The audit
-- log tells why.
WITH next AS (
    SELECT batch.id
    FROM categorization_batches AS batch
    WHERE batch.id > %(after)s
      AND batch.id <= (SELECT max(batch_id) FROM {partition})
      AND EXISTS (SELECT FROM {partition} AS prediction WHERE prediction.batch_id = batch.id)
    ORDER BY batch.id
    LIMIT %(limit)s
    FOR NO KEY UPDATE
), closed AS (
    UPDATE categorization_batches AS batch
    SET retry_count = %(retry_limit)s
    FROM next
    WHERE batch.id = next.id
      AND batch.retry_count < %(retry_limit)s
    RETURNING batch.id
), audited AS (
    INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata)
    SELECT 'categorization_batch', id, 'detached', 'daemon', jsonb_build_object('partition', %(name)s::text)
    FROM closed
)
SELECT max(id)
FROM next
