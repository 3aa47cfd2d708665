-- What became of it. A round that another instance has begun since is that one's to tell.
UPDATE catalogd_duties
SET finished_at = CASE WHEN %(error)s::text IS NULL AND NOT %(is_given_back)s THEN now() ELSE finished_at END,
    failures = CASE WHEN %(is_given_back)s THEN failures WHEN %(error)s::text IS NULL THEN 0 ELSE failures + 1 END,
    error = CASE WHEN %(is_given_back)s THEN error ELSE %(error)s END,
    due_at = least(due_at, now() + %(again_after)s::interval)
WHERE name = %(name)s
  AND instance = %(instance)s
