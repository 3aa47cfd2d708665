-- The open batches, oldest first, and the newest of all.
(SELECT id FROM {batches} WHERE status IN ('pending', 'processing') ORDER BY id LIMIT 100)
UNION
(SELECT id FROM {batches} ORDER BY id DESC LIMIT 10)
ORDER BY id
