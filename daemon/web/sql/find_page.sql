-- A page of batches, the newest first, of a window of them: however few there are of the kind that is looked for, no more
-- than the window is read.
SELECT id
FROM (
    SELECT id,
           status,
           coalesce({error}, 0) AS errors,
           created_by,
           error_message
    FROM {batches}
    WHERE id < %(before)s
    ORDER BY id DESC
    LIMIT %(window)s
) AS newest
WHERE (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (NOT %(with_errors)s OR errors > 0)
  AND (%(created_by)s::bigint IS NULL OR created_by = %(created_by)s::bigint)
  AND (%(text)s::text IS NULL OR id::text = %(text)s::text OR strpos(lower(error_message), lower(%(text)s::text)) > 0)
ORDER BY id DESC
LIMIT %(limit)s
