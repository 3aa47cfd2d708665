-- The sku that stands twice, and where: the one that is noticed first by someone who reads from the top.
SELECT sku,
       min(line) AS first_line,
       max(line) AS last_line
FROM catalogd_incoming
GROUP BY sku
HAVING count(*) > 1
ORDER BY last_line
LIMIT 1
