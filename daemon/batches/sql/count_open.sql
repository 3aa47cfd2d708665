-- How many batches of each open status there are, each up to a number beyond which nobody needs to know. Counted apart:
-- those that wait may be so many that none of the others would be met.
SELECT known.status,
       open.number
FROM (VALUES ('pending'), ('processing')) AS known (status)
CROSS JOIN LATERAL (
    SELECT count(*)::int AS number
    FROM (
        SELECT
        FROM {batches}
        WHERE status = known.status
        LIMIT %(limit)s
    ) AS first
) AS open
WHERE open.number > 0
