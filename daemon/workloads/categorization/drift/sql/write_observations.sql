-- What one slice of work saw, a row for each of its batches. Only inserted: workers of one batch do not wait for each other.
INSERT INTO batch_observations (batch_id, model_version, products, low, unknown, unknown_manufacturers)
SELECT batch_id, %(model_version)s, products, low, unknown, unknown_manufacturers
FROM unnest(
    %(batch_ids)s::bigint[],
    %(products)s::int[],
    %(low)s::int[],
    %(unknown)s::float8[],
    %(unknown_manufacturers)s::int[]
) AS seen (batch_id, products, low, unknown, unknown_manufacturers)
