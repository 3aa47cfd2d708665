-- One batch as it is at this moment, with what was not told yet of its errors and of its audit entries: one snapshot, so
-- that whoever sees its end has seen all that belongs to it. No row where there is no such batch; no_log is for a role that may not read the log.
WITH no_log (id, entity_type, entity_id, action, actor_type, metadata, created_at) AS (
    SELECT 0::bigint, '', 0::bigint, '', '', NULL::jsonb, now()
    WHERE false
)
SELECT status,
       coalesce({total}, 0) AS total,
       coalesce({processed}, 0) AS processed,
       coalesce({success}, 0) AS success,
       coalesce({error}, 0) AS errors,
       error_message,
       coalesce(retry_count, 0) AS retry_count,
       CASE
           WHEN started_at IS NOT NULL AND isfinite(started_at)
               THEN greatest(extract(epoch FROM coalesce(completed_at, now()) - started_at), 0)
       END::float8 AS run_s,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(page.id, page.item, page.code, page.message, page.details,
                                                    page.created_at)
                                  ORDER BY page.id), '[]')
        FROM (
            SELECT id,
                   left(item::text, 200) AS item,
                   code,
                   left(message, 1000) AS message,
                   details,
                   CASE WHEN isfinite(created_at) THEN created_at END AS created_at
            FROM {errors}
            WHERE {reference} = %(batch_id)s
              AND id > %(after)s
            ORDER BY id
            LIMIT 500
        ) AS page) AS new_errors,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(entry.id, entry.action, entry.actor_type, entry.metadata,
                                                    entry.created_at)
                                  ORDER BY entry.id), '[]')
        FROM (
            SELECT id,
                   action,
                   actor_type,
                   metadata,
                   CASE WHEN isfinite(created_at) THEN created_at END AS created_at
            FROM {log}
            WHERE entity_type = %(entity)s::text
              AND entity_id = %(batch_id)s
            ORDER BY id DESC
            LIMIT 100
        ) AS entry) AS entries
FROM {batches}
WHERE id = %(batch_id)s
