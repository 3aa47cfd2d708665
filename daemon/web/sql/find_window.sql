-- The oldest batch of a window, and how many it has.
SELECT min(id),
       count(*)
FROM (
    SELECT id
    FROM {batches}
    WHERE id < %(before)s
    ORDER BY id DESC
    LIMIT %(window)s
) AS newest
