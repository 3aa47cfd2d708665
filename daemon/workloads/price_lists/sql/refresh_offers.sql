-- The best offers of these products, which are locked, made anew.
SELECT catalogd_refresh_offers(%(product_ids)s::bigint[])
