-- New products in the order of the file; of known ones, only what the file has a column for changes. They are locked
-- in the order of their ids, as the daemon does it.
INSERT INTO products AS known (sku, name, manufacturer, part_number, description, attributes, category_code)
SELECT incoming.sku,
       incoming.name,
       incoming.manufacturer,
       incoming.part_number,
       incoming.description,
       incoming.attributes,
       CASE WHEN NOT incoming.is_held_out THEN incoming.category_code END
FROM catalogd_incoming AS incoming
LEFT JOIN products AS locked ON locked.sku = incoming.sku
ORDER BY locked.id, incoming.line
ON CONFLICT (sku) DO UPDATE
SET name = CASE WHEN 'name' = ANY(%(columns)s) THEN excluded.name ELSE known.name END,
    manufacturer = CASE WHEN 'manufacturer' = ANY(%(columns)s) THEN excluded.manufacturer ELSE known.manufacturer END,
    part_number = CASE WHEN 'part_number' = ANY(%(columns)s) THEN excluded.part_number ELSE known.part_number END,
    description = CASE WHEN 'description' = ANY(%(columns)s) THEN excluded.description ELSE known.description END,
    attributes = CASE WHEN 'attributes' = ANY(%(columns)s) THEN excluded.attributes ELSE known.attributes END,
    category_code = CASE
        WHEN 'category_code' = ANY(%(columns)s) THEN excluded.category_code
        ELSE known.category_code
    END,
    updated_at = now()
