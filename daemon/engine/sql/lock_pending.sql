-- Lock the next batches that wait to be planned, as many as one plan can cut in good time. Sizes are the stored
-- ones, so that a huge list is not read just to be measured.
WITH waiting AS (
    SELECT id,
           coalesce(pg_column_size({items}), 0) AS bytes
    FROM {batches}
    WHERE status = 'pending'
    ORDER BY id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), measured AS (
    SELECT id,
           sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before
    FROM waiting
)
SELECT array_agg(id ORDER BY id)
FROM measured
WHERE bytes_before < %(bytes)s
