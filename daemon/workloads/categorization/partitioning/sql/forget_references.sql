-- What the foreign key does when a prediction is deleted, for the next rows that refer to one of a partition.
UPDATE {source}
SET {column} = NULL
WHERE ctid = ANY(ARRAY(
    SELECT ctid
    FROM {source}
    WHERE {column} < %(upper)s
    LIMIT %(limit)s
))
