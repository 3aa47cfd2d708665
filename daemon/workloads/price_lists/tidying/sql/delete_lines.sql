-- The first of them first: whoever misses the first line knows that the others may be missing, too.
DELETE FROM supplier_import_lines
WHERE import_id = %(import_id)s
  AND number <= (
      SELECT max(number)
      FROM (
          SELECT number
          FROM supplier_import_lines
          WHERE import_id = %(import_id)s
          ORDER BY number
          LIMIT %(limit)s
      ) AS portion
  )
