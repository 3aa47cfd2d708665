-- End slices in the transaction that holds their results: delete them, count their items, and with the last one give
-- the batch its final status. What remains is counted down under the row's lock, so two workers cannot both be the
-- last, or neither. PHP never writes that column; the total, which it may have, is put right. A batch that was cancelled
-- or set back meanwhile keeps its status; what is committed is counted all the same. PHP may have written any time, even
-- infinity, of which older servers take no difference.
WITH settled AS (
    SELECT *
    FROM unnest(%(batch_ids)s::bigint[], %(successes)s::int[], %(failures)s::int[])
        AS given (batch_id, success, failed)
), ended AS (
    DELETE FROM batch_slices
    WHERE id = ANY(%(slice_ids)s)
), counted AS (
    UPDATE {batches} AS batch
    SET {remaining} = batch.{remaining} - settled.success - settled.failed,
        {total} = batch.{processed} + batch.{remaining},
        {processed} = batch.{processed} + settled.success + settled.failed,
        {success} = batch.{success} + settled.success,
        {error} = batch.{error} + settled.failed,
        status = CASE
            WHEN batch.status = 'processing'
             AND batch.{remaining} <= settled.success + settled.failed THEN 'completed'
            ELSE batch.status
        END,
        completed_at = CASE
            WHEN batch.status = 'processing'
             AND batch.{remaining} <= settled.success + settled.failed THEN clock_timestamp()
            ELSE batch.completed_at
        END
    FROM settled
    WHERE batch.id = settled.batch_id
    RETURNING batch.id,
              batch.status,
              batch.{remaining} AS remaining,
              coalesce(batch.retry_count, 0) AS retry_count,
              batch.{total} AS items,
              batch.{success} AS success,
              batch.{error} AS errors,
              CASE
                  WHEN isfinite(batch.created_at) AND isfinite(batch.started_at)
                      THEN greatest(extract(epoch FROM batch.started_at - batch.created_at), 0)
                  ELSE 0
              END::float8 AS wait_s,
              CASE
                  WHEN isfinite(batch.started_at) AND isfinite(batch.completed_at)
                      THEN greatest(extract(epoch FROM batch.completed_at - batch.started_at), 0)
                  ELSE 0
              END::float8 AS duration_s
), completed AS (
    SELECT *
    FROM counted
    WHERE status = 'completed'
      AND remaining = 0
), audited AS (
    INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata)
    SELECT %(entity)s::text,
           id,
           'completed',
           'daemon',
           jsonb_build_object('instance', %(instance)s::text, 'from', 'processing', 'to', 'completed', 'items', items,
                              'success', success, 'errors', errors, 'retry_count', retry_count)
    FROM completed
)
SELECT *
FROM counted
ORDER BY id
