-- How many matches wait for people's decision, counted as far as it matters.
SELECT count(*)
FROM (
    SELECT
    FROM match_reviews
    WHERE status = 'pending'
    LIMIT 100000
) AS review
