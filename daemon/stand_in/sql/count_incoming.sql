SELECT count(*) AS products,
       count(DISTINCT category_code) AS categories,
       count(*) FILTER (WHERE is_held_out) AS held_out
FROM catalogd_incoming
