-- Changes when anything does that the matching reads of the catalogue.
SELECT count(*) || ':' || coalesce(sum(hashtextextended(product::text, 0)), 0)
FROM catalogd_products AS product
