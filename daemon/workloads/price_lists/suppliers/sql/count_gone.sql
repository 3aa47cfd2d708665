-- Of the suppliers that came from the sheet and are active, how many there are, and how many are not listed any more.
SELECT count(*),
       count(*) FILTER (WHERE lower(name) <> ALL (SELECT lower(listed) FROM unnest(%(names)s::text[]) AS listed))
FROM suppliers
WHERE is_active
  AND meta ->> 'from_sheet' = 'true'
