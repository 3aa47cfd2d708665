INSERT INTO {errors} (batch_id, item, code, message)
SELECT batch_id,
       to_jsonb(item),
       code,
       message
FROM unnest(%(batch_ids)s::bigint[], %(items)s::bigint[], %(codes)s::text[], %(messages)s::text[])
    AS failed (batch_id, item, code, message)
