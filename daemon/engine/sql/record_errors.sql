INSERT INTO {errors} ({reference}, item, code, message, details)
SELECT batch_id,
       to_jsonb(item),
       code,
       message,
       details
FROM unnest(%(batch_ids)s::bigint[], %(items)s::bigint[], %(codes)s::text[], %(messages)s::text[], %(details)s::jsonb[])
    AS failed (batch_id, item, code, message, details)
