-- Of these products, those whose bucket of labels is not as it was when the version was learned.
SELECT product.id
FROM unnest(%(product_ids)s::bigint[]) AS product (id)
CROSS JOIN LATERAL (SELECT (hashint8extended(product.id, 0) & (%(buckets)s - 1))::int + 1 AS number) AS bucket
CROSS JOIN categorization_models AS model
WHERE model.version = %(version)s
  AND model.label_digests[bucket.number] IS DISTINCT FROM (%(digests)s::bigint[])[bucket.number]
