-- Where the rows wait until all of them have been seen.
CREATE TEMPORARY TABLE catalogd_incoming (
    line integer NOT NULL,
    sku text NOT NULL,
    name text,
    manufacturer text,
    part_number text,
    description text,
    attributes jsonb,
    category_code text,
    category_label text,
    category_path text,
    is_held_out boolean NOT NULL
) ON COMMIT DROP
