-- Changes when people have decided since.
SELECT count(*) || ':' || coalesce(max(decided_at)::text, '')
FROM match_reviews
WHERE status IN ('approved', 'rejected')
