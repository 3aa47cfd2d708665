-- What the lines say of the supplier's items, with the history of their prices, the lines' results, and the products whose
-- offers have changed by it. A line that comes later in its list, or is of a later list, has been there: it stays. A line
-- that a later one of its list is to overwrite is only counted: what it says would be history that never was.
WITH verdict AS (
    SELECT *
    FROM unnest(%(import_ids)s::bigint[], %(numbers)s::int[], %(product_ids)s::bigint[], %(draft_ids)s::bigint[],
                %(statuses)s::text[], %(scores)s::numeric[], %(reasons)s::jsonb[])
        AS verdict (import_id, number, product_id, draft_id, match_status, match_score, match_reasons)
), offered AS (
    SELECT verdict.*,
           import.supplier_id,
           line.item_key,
           line.sku,
           line.name,
           line.manufacturer,
           line.part_number,
           line.barcode,
           line.price,
           line.currency,
           line.stock,
           coalesce(line.is_available, line.stock > 0, true) AS is_available,
           coalesce(line.characteristics, '{{}}') AS characteristics,
           row_number() OVER (PARTITION BY import.supplier_id, line.item_key
                              ORDER BY verdict.import_id DESC, verdict.number DESC) AS place,
           EXISTS (
               SELECT
               FROM supplier_import_lines AS later
               WHERE later.import_id = line.import_id
                 AND later.item_key = line.item_key
                 AND later.number > line.number
                 AND later.error IS NULL
           ) AS is_overwritten
    FROM verdict
    JOIN supplier_import_lines AS line
      ON line.import_id = verdict.import_id
     AND line.number = verdict.number
    JOIN supplier_imports AS import ON import.id = verdict.import_id
), before AS MATERIALIZED (
    SELECT item.*
    FROM offered
    JOIN supplier_items AS item
      ON item.supplier_id = offered.supplier_id
     AND item.item_key = offered.item_key
    WHERE offered.place = 1
), written AS (
    INSERT INTO supplier_items AS item
        (supplier_id, item_key, product_id, draft_id, match_status, match_score, match_reasons, sku, name, manufacturer,
         part_number, barcode, price, currency, stock, is_available, characteristics, last_import_id, last_line)
    SELECT supplier_id, item_key, product_id, draft_id, match_status, match_score, coalesce(match_reasons, '[]'), sku, name,
           manufacturer, part_number, barcode, price, currency, stock, is_available, characteristics, import_id, number
    FROM offered
    WHERE place = 1
      AND NOT is_overwritten
    ORDER BY supplier_id, item_key
    ON CONFLICT (supplier_id, item_key) DO UPDATE
    SET product_id = excluded.product_id,
        draft_id = excluded.draft_id,
        match_status = excluded.match_status,
        match_score = excluded.match_score,
        match_reasons = excluded.match_reasons,
        sku = excluded.sku,
        name = excluded.name,
        manufacturer = excluded.manufacturer,
        part_number = excluded.part_number,
        barcode = excluded.barcode,
        price = excluded.price,
        currency = excluded.currency,
        stock = excluded.stock,
        is_available = excluded.is_available,
        characteristics = excluded.characteristics,
        last_seen_at = clock_timestamp(),
        gone_at = NULL,
        last_import_id = excluded.last_import_id,
        last_line = excluded.last_line
    WHERE item.last_import_id IS NULL
       OR (item.last_import_id, item.last_line) <= (excluded.last_import_id, excluded.last_line)
    RETURNING item.*, item.xmax <> 0 AS was_there
), compared AS (
    SELECT written.*,
           before.id IS NULL AS is_new,
           before.product_id AS product_before,
           written.was_there AND before.id IS NULL AS was_unseen,
           before.id IS NULL
               OR (before.price, before.currency, before.is_available)
                  IS DISTINCT FROM (written.price, written.currency, written.is_available) AS is_repriced,
           (before.product_id, before.match_status, before.gone_at IS NULL, before.name, before.sku, before.manufacturer,
            before.part_number, before.barcode, before.stock, before.characteristics)
               IS DISTINCT FROM
           (written.product_id, written.match_status, true, written.name, written.sku, written.manufacturer,
            written.part_number, written.barcode, written.stock, written.characteristics) AS is_altered
    FROM written
    LEFT JOIN before ON before.id = written.id
), priced AS (
    INSERT INTO supplier_item_prices (supplier_item_id, import_id, price, currency, is_available)
    SELECT id, last_import_id, price, currency, is_available
    FROM compared
    WHERE is_repriced
), counted AS (
    INSERT INTO supplier_import_results (import_id, line, supplier_item_id, match_status, is_new, is_changed)
    SELECT offered.import_id,
           offered.number,
           coalesce(compared.id, before.id),
           coalesce(compared.match_status, before.match_status, offered.match_status),
           offered.place = 1 AND coalesce(compared.is_new, false),
           offered.place = 1 AND coalesce(NOT compared.is_new AND (compared.is_repriced OR compared.is_altered), false)
    FROM offered
    LEFT JOIN compared ON compared.supplier_id = offered.supplier_id AND compared.item_key = offered.item_key
    LEFT JOIN before ON before.supplier_id = offered.supplier_id AND before.item_key = offered.item_key
)
SELECT compared.supplier_id,
       compared.item_key,
       compared.id,
       compared.match_status,
       compared.last_import_id AS import_id,
       compared.is_repriced OR compared.is_altered AS is_changed,
       compared.product_id,
       compared.product_before,
       compared.was_unseen
FROM compared
