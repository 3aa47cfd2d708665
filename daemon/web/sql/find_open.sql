-- The open batches, those that are worked on before those that wait, the oldest first.
SELECT id
FROM {batches}
WHERE status IN ('pending', 'processing')
ORDER BY status DESC, id
LIMIT %(limit)s
