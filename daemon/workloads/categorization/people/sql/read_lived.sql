-- How many predictions of each confidence people decided on, and how many of those were right.
SELECT confidence_score::float8 AS confidence,
       count(*) AS decided,
       count(*) FILTER (WHERE is_right) AS correct
FROM lived_decisions
WHERE confidence_score IS NOT NULL
GROUP BY confidence_score
ORDER BY confidence_score
