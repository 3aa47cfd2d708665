-- All rules: page by page, by what the last page ended with.
SELECT id,
       field,
       left(pattern, %(longest_pattern)s + 1) AS pattern,
       category_code,
       weight::float8 AS weight,
       coalesce(left(note, %(longest_note)s), '') AS note,
       is_active,
       extract(epoch FROM updated_at)::text AS changed
FROM category_rules
WHERE id > %(after)s
ORDER BY id
LIMIT %(limit)s
