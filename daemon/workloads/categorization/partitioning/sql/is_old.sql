-- Whether the newest prediction of a partition is older than so many days. Ids are given out in the order of time.
SELECT created_at < now() - make_interval(days => %(days)s)
FROM {partition}
ORDER BY id DESC
LIMIT 1
