-- Every category that a row names, held out or not. Of several labels the first counts; where the file has none, the
-- one that is known already, or else the code itself.
WITH incoming AS (
    SELECT DISTINCT ON (category_code)
           category_code AS code,
           category_label AS label,
           category_path AS path
    FROM catalogd_incoming
    WHERE category_code IS NOT NULL
    ORDER BY category_code, category_label IS NULL, category_path IS NULL, line
)
INSERT INTO categories (code, label, path)
SELECT incoming.code,
       coalesce(incoming.label, known.label, incoming.code),
       coalesce(incoming.path, known.path, incoming.label, incoming.code)
FROM incoming
LEFT JOIN categories AS known ON known.code = incoming.code
ORDER BY incoming.code
ON CONFLICT (code) DO UPDATE
SET label = excluded.label,
    path = excluded.path
