-- depends: 0023-name-who-orders
-- Offers are made anew product by product, each by its index: where the statistics knew nothing of a supplier's items, a server up to
-- PostgreSQL 17 compared all of them with all, and deleting a supplier of 20,000 items took more than 20 seconds.
SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_refresh_offers(ids bigint[]) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
            WITH written AS (
                INSERT INTO %1$I.product_offers AS known
                    (product_id, currency, minimum_price, supplier_item_id, suppliers, is_available)
                SELECT wanted.id, best.currency, item.price, best.id, best.suppliers, best.is_available
                FROM unnest(ids) AS wanted (id)
                CROSS JOIN LATERAL (
                    SELECT coalesce(item.currency, '') AS currency,
                           (array_agg(item.id ORDER BY (item.price IS NULL), item.is_available DESC, item.price, item.id))[1] AS id,
                           count(DISTINCT item.supplier_id) AS suppliers,
                           bool_or(item.is_available) AS is_available
                    FROM %1$I.supplier_items AS item
                    WHERE item.product_id = wanted.id
                      AND item.match_status IN ('linked', 'confirmed')
                      AND item.gone_at IS NULL
                    GROUP BY 1
                ) AS best
                CROSS JOIN LATERAL (SELECT price FROM %1$I.supplier_items WHERE id = best.id OFFSET 0) AS item
                ON CONFLICT (product_id, currency) DO UPDATE
                SET minimum_price = excluded.minimum_price,
                    supplier_item_id = excluded.supplier_item_id,
                    suppliers = excluded.suppliers,
                    is_available = excluded.is_available,
                    updated_at = clock_timestamp()
                WHERE (known.minimum_price, known.supplier_item_id, known.suppliers, known.is_available)
                      IS DISTINCT FROM
                      (excluded.minimum_price, excluded.supplier_item_id, excluded.suppliers, excluded.is_available)
            )
            DELETE FROM %1$I.product_offers AS known
            WHERE known.product_id = ANY(ids)
              AND (SELECT item.id  -- not NOT EXISTS, which the planner may turn into a join of everything with everything
                   FROM %1$I.supplier_items AS item
                   WHERE item.product_id = known.product_id
                     AND coalesce(item.currency, '') = known.currency
                     AND item.match_status IN ('linked', 'confirmed')
                     AND item.gone_at IS NULL
                   LIMIT 1) IS NULL
        $body$
    $function$, current_schema());
END
$$;
