-- How many of the newest predictions there are, and how many of those are at or above a confidence.
SELECT count(*) AS predictions,
       count(*) FILTER (WHERE confidence_score >= %(threshold)s) AS at_or_above
FROM (SELECT confidence_score FROM predictions ORDER BY id DESC LIMIT %(limit)s) AS newest
