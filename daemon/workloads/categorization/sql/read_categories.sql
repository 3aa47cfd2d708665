SELECT code,
       coalesce(label, '') AS label,
       coalesce(path, '') AS path
FROM catalogd_categories
WHERE code IS NOT NULL
ORDER BY code
