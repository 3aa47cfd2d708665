-- End a batch that cannot be planned at all; the caller has it locked.
WITH moved AS (
    UPDATE {batches}
    SET status = 'failed',
        error_message = %(message)s,
        started_at = clock_timestamp(),
        completed_at = clock_timestamp()
    WHERE id = %(batch_id)s
    RETURNING id,
              status,
              error_message,
              coalesce(retry_count, 0) AS retry_count,
              coalesce({total}, 0) AS items,
              coalesce({success}, 0) AS success,
              coalesce({error}, 0) AS errors,
              CASE
                  WHEN isfinite(created_at) THEN greatest(extract(epoch FROM clock_timestamp() - created_at), 0)
                  ELSE 0
              END::float8 AS wait_s
), audited AS (
    INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata)
    SELECT %(entity)s::text,
           id,
           status,
           'daemon',
           jsonb_build_object('instance', %(instance)s::text, 'from', 'pending', 'to', status)
    FROM moved
)
SELECT *
FROM moved
