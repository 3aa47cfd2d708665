-- Whether there is any product, and how many categories there are, of very many not all.
SELECT EXISTS (SELECT FROM catalogd_products),
       (SELECT count(*) FROM (SELECT FROM catalogd_categories LIMIT 100000) AS category)
