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
              retry_count,
              {total} AS items,
              {success} AS success,
              {error} AS errors,
              extract(epoch FROM clock_timestamp() - created_at)::float8 AS wait_s
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
