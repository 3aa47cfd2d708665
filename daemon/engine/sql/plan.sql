-- Cut the next pending batch into slices, and with a small one its small neighbours. Sizes are the stored ones, so that a
-- huge list is not read just to be measured; a huge one is planned alone, and holds no other up.
--
-- Slices of an earlier round are taken away. While a worker holds one of them the batch has to wait, and so has one that
-- was changed between this statement's snapshot and its lock: it may have slices that cannot be seen. Both are answered
-- without a status.
--
-- A batch that has to be prepared first is not due before it is ready, unless it is to be refused.
--
-- A plan that a crash of the server takes along is made anew, and whatever is done by it reaches the disk after it: its
-- commit need not wait for the disk, unless a batch has come to its end here.
--
-- The list is expanded once, in the server: ids are digits in JSON numbers (never spelt out: 7e130000 is long) or strings,
-- up to 2^63 - 1; anything else is an item error; an item that already has its result is done. A batch starts at the lowest
-- outstanding turn (that of its own old slices counts), so small ones need not wait behind big ones.
WITH front AS (
    SELECT id,
           ctid AS version,
           coalesce(pg_column_size({items}), 0) AS bytes
    FROM {batches}
    WHERE status = 'pending'
      AND id > %(after)s
      AND (NOT %(is_prepared)s OR {batches}.retry_count >= %(retry_limit)s::int OR EXISTS (
          SELECT
          FROM batch_preparations AS preparation
          WHERE preparation.workload = %(workload)s::text
            AND preparation.batch_id = {batches}.id
            AND preparation.is_ready
            AND preparation.retry_count = coalesce({batches}.retry_count, 0)
      ))
      AND id <> ALL(%(put_off)s::bigint[])
    ORDER BY id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), neighbour AS (
    SELECT id,
           ctid AS version
    FROM {batches}
    WHERE status = 'pending'
      AND id > (SELECT id FROM front)
      AND (NOT %(is_prepared)s OR {batches}.retry_count >= %(retry_limit)s::int OR EXISTS (
          SELECT
          FROM batch_preparations AS preparation
          WHERE preparation.workload = %(workload)s::text
            AND preparation.batch_id = {batches}.id
            AND preparation.is_ready
            AND preparation.retry_count = coalesce({batches}.retry_count, 0)
      ))
      AND id <> ALL(%(put_off)s::bigint[])
      AND (SELECT bytes FROM front) <= %(small)s
      AND coalesce(pg_column_size({items}), 0) <= %(small)s
    ORDER BY id
    LIMIT %(limit)s - 1
    FOR NO KEY UPDATE SKIP LOCKED
), locked AS (
    SELECT id, version
    FROM front
    UNION ALL
    SELECT id, version
    FROM neighbour
), old AS (
    SELECT id, batch_id
    FROM batch_slices
    WHERE workload = %(workload)s::text
      AND batch_id = ANY(ARRAY(SELECT id FROM locked))
), free AS (
    SELECT slice.id
    FROM batch_slices AS slice
    WHERE slice.id = ANY(ARRAY(SELECT id FROM old))
    FOR UPDATE SKIP LOCKED
), dropped AS (
    DELETE FROM batch_slices
    WHERE id = ANY(ARRAY(SELECT id FROM free))
), batch AS (
    SELECT batch.id,
           coalesce(jsonb_typeof({items}), 'null') AS kind,
           CASE jsonb_typeof({items}) WHEN 'array' THEN {items} ELSE '[]' END AS items,
           greatest(retry_count, 0) AS retry_count,  -- fewer than none would put the limit off
           coalesce(priority, 0) AS priority,
           greatest(retry_count, 0) >= %(retry_limit)s::int AS is_refused
    FROM locked
    JOIN {batches} AS batch
      ON batch.id = locked.id
     AND batch.ctid = locked.version
    WHERE NOT EXISTS (
        SELECT
        FROM old
        WHERE old.batch_id = batch.id
          AND old.id NOT IN (SELECT id FROM free)
    )
), element AS (
    SELECT batch.id AS batch_id,
           entry.value,
           CASE jsonb_typeof(entry.value)
               WHEN 'number' THEN CASE
                   WHEN entry.value::numeric BETWEEN 0 AND 9223372036854775807 AND scale(entry.value::numeric) = 0
                       THEN entry.value::bigint
               END
               WHEN 'string' THEN nullif(
                   least(substring(entry.value #>> '{{}}' FROM '^0*([0-9]{{1,19}})$')::numeric, 9223372036854775808),
                   9223372036854775808
               )::bigint
           END AS item
    FROM batch
    CROSS JOIN LATERAL jsonb_array_elements(batch.items) AS entry (value)
    WHERE NOT batch.is_refused
), bad AS (
    SELECT DISTINCT batch_id, value
    FROM element
    WHERE item IS NULL
), bad_of_batch AS MATERIALIZED (
    SELECT batch_id, count(*) AS bad
    FROM bad
    GROUP BY batch_id
), result AS MATERIALIZED (
    SELECT {reference} AS batch_id, {result_item} AS item
    FROM {results}
    WHERE {reference} = ANY(ARRAY(SELECT id FROM batch))
), good AS (
    SELECT element.batch_id,
           array_agg(DISTINCT element.item ORDER BY element.item) FILTER (WHERE result.item IS NULL) AS todo,
           count(DISTINCT element.item) FILTER (WHERE result.item IS NOT NULL) AS done
    FROM element
    LEFT JOIN result
      ON result.batch_id = element.batch_id
     AND result.item = element.item
    WHERE element.item IS NOT NULL
    GROUP BY element.batch_id
), cut AS (
    INSERT INTO batch_slices (workload, batch_id, priority, turn, items)
    SELECT %(workload)s::text,
           good.batch_id,
           batch.priority,
           slice.place + coalesce((
               SELECT min(outstanding.turn)
               FROM batch_slices AS outstanding
               WHERE outstanding.workload = %(workload)s
                 AND outstanding.priority = batch.priority
           ), 0),
           good.todo[slice.place * %(slice_size)s::int + 1 : (slice.place + 1) * %(slice_size)s::int]
    FROM good
    JOIN batch ON batch.id = good.batch_id
    CROSS JOIN LATERAL generate_series(0, (cardinality(good.todo) - 1) / %(slice_size)s::int) AS slice (place)
    ORDER BY slice.place, good.batch_id
), cleared AS (
    DELETE FROM {errors}
    WHERE {reference} IN (SELECT id FROM batch WHERE NOT is_refused)
), refused AS (
    INSERT INTO {errors} ({reference}, item, code, message)
    SELECT batch_id,
           value,
           'not_an_id',
           'not an id: an id is a whole number from 0 to 9223372036854775807'
    FROM bad
), tally AS (
    SELECT batch.*,
           coalesce(cardinality(good.todo), 0) AS todo,
           coalesce(good.done, 0) AS done,
           coalesce(bad_of_batch.bad, 0) AS bad
    FROM batch
    LEFT JOIN good ON good.batch_id = batch.id
    LEFT JOIN bad_of_batch ON bad_of_batch.batch_id = batch.id
), verdict AS (
    SELECT tally.*,
           CASE
               WHEN is_refused THEN 'failed'
               WHEN kind <> 'array' THEN 'failed'
               WHEN todo + done = 0 AND bad > 0 THEN 'failed'
               WHEN todo = 0 THEN 'completed'
               ELSE 'processing'
           END AS status,
           CASE
               WHEN is_refused
                   THEN format('The retry limit of %%s is reached; insert a new batch for what is left.', %(retry_limit)s::int)
               WHEN kind = 'null'
                   THEN format('%%s is empty: it must be a JSON array of ids.', %(items_column)s::text)
               WHEN kind <> 'array'
                   THEN format('%%s is a JSON %%s: it must be an array of ids.', %(items_column)s::text, kind)
               WHEN todo + done = 0 AND bad > 0
                   THEN format('None of the %%s entries of %%s is an id.', bad, %(items_column)s::text)
           END AS error_message
    FROM tally
), moved AS (
    UPDATE {batches} AS target
    SET status = verdict.status,
        error_message = verdict.error_message,
        retry_count = verdict.retry_count,
        {total} = CASE WHEN is_refused THEN target.{total} ELSE todo + done + bad END,
        {processed} = CASE WHEN is_refused THEN target.{processed} ELSE done + bad END,
        {success} = CASE WHEN is_refused THEN target.{success} ELSE done END,
        {remaining} = CASE WHEN verdict.status = 'processing' THEN todo END,
        {error} = CASE WHEN is_refused THEN target.{error} ELSE bad END,
        started_at = clock_timestamp(),
        completed_at = CASE WHEN verdict.status <> 'processing' THEN clock_timestamp() END
    FROM verdict
    WHERE target.id = verdict.id
    RETURNING target.id,
              target.status,
              target.error_message,
              target.retry_count,
              coalesce(target.{total}, 0) AS items,
              coalesce(target.{success}, 0) AS success,
              coalesce(target.{error}, 0) AS errors,
              CASE
                  WHEN isfinite(target.created_at)
                      THEN greatest(extract(epoch FROM clock_timestamp() - target.created_at), 0)
                  ELSE 0
              END::float8 AS wait_s
), prepared AS (
    DELETE FROM batch_preparations
    WHERE %(is_prepared)s
      AND workload = %(workload)s::text
      AND batch_id IN (SELECT id FROM verdict)
), audited AS (
    INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata)
    SELECT %(entity)s::text,
           moved.id,
           CASE moved.status WHEN 'processing' THEN 'planned' ELSE moved.status END,
           'daemon',
           jsonb_build_object('instance', %(instance)s::text, 'from', 'pending', 'to', moved.status,
                              'items', moved.items, 'success', moved.success, 'errors', moved.errors,
                              'retry_count', moved.retry_count)
    FROM moved
)
SELECT locked.id,
       moved.status,
       moved.error_message,
       moved.retry_count,
       moved.items,
       moved.success,
       moved.errors,
       moved.wait_s
FROM locked
LEFT JOIN moved ON moved.id = locked.id
CROSS JOIN (
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM verdict WHERE status <> 'processing')
            THEN set_config('synchronous_commit', 'off', true)
    END
    OFFSET 0
) AS cheap_commit
ORDER BY locked.id
