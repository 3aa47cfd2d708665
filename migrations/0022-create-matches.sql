-- depends: 0021-adopt-price-lists
-- What suppliers offer, which product of the catalogue each offer is, and what people said of it.
SET LOCAL lock_timeout = '3s';

-- An offer without a product of the catalogue: a draft of one. Offers of several suppliers that say the same barcode, or the
-- same maker and part number, share a draft. PHP accepts it by naming the product it was made into, or discards it.
CREATE TABLE IF NOT EXISTS product_drafts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draft_key text NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'draft' CONSTRAINT draft_status_known CHECK (status IN ('draft', 'accepted', 'discarded')),
    product_id bigint REFERENCES products (id) ON DELETE SET NULL,
    name text NOT NULL,
    manufacturer text,
    part_number text,
    barcode text,
    characteristics jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS product_drafts_of_product ON product_drafts (product_id);

-- One row for each thing that a supplier offers or has offered. item_key is how it is known again in the next list.
CREATE TABLE IF NOT EXISTS supplier_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier_id bigint NOT NULL REFERENCES suppliers (id) ON DELETE CASCADE,
    item_key text NOT NULL,
    product_id bigint REFERENCES products (id) ON DELETE SET NULL,
    draft_id bigint REFERENCES product_drafts (id) ON DELETE SET NULL,
    match_status text NOT NULL CONSTRAINT match_status_known CHECK (match_status IN ('linked', 'confirmed', 'review', 'draft')),
    match_score numeric(5,2) NOT NULL CONSTRAINT match_score_in_range CHECK (match_score BETWEEN 0 AND 100),
    match_reasons jsonb NOT NULL DEFAULT '[]',
    sku text,
    name text NOT NULL,
    manufacturer text,
    part_number text,
    barcode text,
    price numeric(14,4),
    currency text,
    stock numeric(14,3),
    is_available boolean NOT NULL,
    characteristics jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    gone_at timestamptz,
    last_import_id bigint,
    last_line integer,
    CONSTRAINT supplier_items_known_again UNIQUE (supplier_id, item_key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS supplier_items_of_product ON supplier_items (product_id);
CREATE INDEX IF NOT EXISTS supplier_items_of_draft ON supplier_items (draft_id);

CREATE TABLE IF NOT EXISTS supplier_item_prices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier_item_id bigint NOT NULL REFERENCES supplier_items (id) ON DELETE CASCADE,
    import_id bigint REFERENCES supplier_imports (id) ON DELETE SET NULL,
    price numeric(14,4),
    currency text,
    is_available boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS supplier_item_prices_of_item ON supplier_item_prices (supplier_item_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS supplier_item_prices_of_import ON supplier_item_prices (import_id);

-- The queue for people. "approved" names the product; "rejected" says that none of the candidates is the thing.
CREATE TABLE IF NOT EXISTS match_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier_item_id bigint NOT NULL REFERENCES supplier_items (id) ON DELETE CASCADE,
    import_id bigint REFERENCES supplier_imports (id) ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT review_status_known CHECK (status IN ('pending', 'approved', 'rejected', 'superseded')),
    score numeric(5,2) NOT NULL,
    candidates jsonb NOT NULL,
    product_id bigint REFERENCES products (id) ON DELETE SET NULL,
    decided_by bigint REFERENCES users (id) ON DELETE SET NULL,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS match_reviews_one_pending ON match_reviews (supplier_item_id) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS match_reviews_of_item ON match_reviews (supplier_item_id);
CREATE INDEX IF NOT EXISTS match_reviews_of_import ON match_reviews (import_id);
CREATE INDEX IF NOT EXISTS match_reviews_of_product ON match_reviews (product_id);
CREATE INDEX IF NOT EXISTS match_reviews_decided ON match_reviews (decided_at) WHERE status IN ('approved', 'rejected');

-- What the engine counts: the lines that were treated, and as what.
CREATE TABLE IF NOT EXISTS supplier_import_results (
    import_id bigint NOT NULL REFERENCES supplier_imports (id) ON DELETE CASCADE,
    line integer NOT NULL,
    supplier_item_id bigint,
    match_status text NOT NULL,
    is_new boolean NOT NULL,
    is_changed boolean NOT NULL,
    PRIMARY KEY (import_id, line)
);

-- The best that suppliers offer for a product: the lowest price of what is available, else of what is not.
CREATE TABLE IF NOT EXISTS product_offers (
    product_id bigint NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    currency text NOT NULL,
    minimum_price numeric(14,4),
    supplier_item_id bigint,
    suppliers integer NOT NULL,
    is_available boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, currency)
);

DO $$
BEGIN
    PERFORM catalogd_require_columns('product_drafts',
        ARRAY['id', 'draft_key', 'status', 'product_id', 'name', 'manufacturer', 'part_number', 'barcode', 'characteristics',
              'created_at', 'updated_at'], 'rename that table: catalogd makes one of its own');
    PERFORM catalogd_require_columns('supplier_items',
        ARRAY['id', 'supplier_id', 'item_key', 'product_id', 'draft_id', 'match_status', 'match_score', 'match_reasons',
              'sku', 'name', 'manufacturer', 'part_number', 'barcode', 'price', 'currency', 'stock', 'is_available',
              'characteristics', 'first_seen_at', 'last_seen_at', 'gone_at', 'last_import_id', 'last_line'],
        'rename that table: catalogd makes one of its own');
    PERFORM catalogd_require_columns('supplier_item_prices',
        ARRAY['id', 'supplier_item_id', 'import_id', 'price', 'currency', 'is_available', 'created_at'],
        'rename that table: catalogd makes one of its own');
    PERFORM catalogd_require_columns('match_reviews',
        ARRAY['id', 'supplier_item_id', 'import_id', 'status', 'score', 'candidates', 'product_id', 'decided_by',
              'decided_at', 'created_at'], 'rename that table: catalogd makes one of its own');
    PERFORM catalogd_require_columns('product_offers',
        ARRAY['product_id', 'currency', 'minimum_price', 'supplier_item_id', 'suppliers', 'is_available', 'updated_at'],
        'rename that table: catalogd makes one of its own');
END
$$;

-- The functions have their owner's rights: PHP decides, and writes neither what suppliers offer nor who is linked to what.
DO $$
BEGIN
    -- Offers of these products, made anew from what suppliers offer now; what has not changed is not written. The caller
    -- has the products' rows locked, in the order of their ids.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_refresh_offers(ids bigint[]) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
            WITH best AS (
                SELECT item.product_id,
                       coalesce(item.currency, '') AS currency,
                       (array_agg(item.id ORDER BY (item.price IS NULL), item.is_available DESC, item.price, item.id))[1] AS id,
                       count(DISTINCT item.supplier_id) AS suppliers,
                       bool_or(item.is_available) AS is_available
                FROM unnest(ids) AS wanted (id)
                JOIN %1$I.supplier_items AS item ON item.product_id = wanted.id
                WHERE item.match_status IN ('linked', 'confirmed')
                  AND item.gone_at IS NULL
                GROUP BY 1, 2
            ), written AS (
                INSERT INTO %1$I.product_offers AS known
                    (product_id, currency, minimum_price, supplier_item_id, suppliers, is_available)
                SELECT best.product_id, best.currency, item.price, best.id, best.suppliers, best.is_available
                FROM best
                JOIN %1$I.supplier_items AS item ON item.id = best.id
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
            USING unnest(ids) AS wanted (id)
            WHERE known.product_id = wanted.id
              AND NOT EXISTS (SELECT
                              FROM %1$I.supplier_items AS item
                              WHERE item.product_id = known.product_id
                                AND coalesce(item.currency, '') = known.currency
                                AND item.match_status IN ('linked', 'confirmed')
                                AND item.gone_at IS NULL)
        $body$
    $function$, current_schema());

    -- Drafts that nothing is a draft of any more, and that nobody has decided on, are dropped. An item that is being made
    -- a draft of one of them holds it: it is looked for once that is over.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_drop_drafts(ids bigint[]) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        BEGIN
            PERFORM FROM %1$I.product_drafts WHERE id = ANY(ids) AND status = 'draft' ORDER BY id FOR UPDATE;
            DELETE FROM %1$I.product_drafts AS draft
            WHERE draft.id = ANY(ids)
              AND draft.status = 'draft'
              AND NOT EXISTS (SELECT FROM %1$I.supplier_items AS item WHERE item.draft_id = draft.id);
        END
        $body$
    $function$, current_schema());

    -- A person has decided: the item is linked to the product named, or becomes a draft.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_match_decided() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            before bigint;
            item %1$I.supplier_items;
            newer bigint;
            draft bigint;
        BEGIN
            IF OLD.status NOT IN ('pending', 'approved', 'rejected') THEN
                RAISE EXCEPTION 'review %% is %%: it can no longer be decided', OLD.id, OLD.status
                    USING ERRCODE = 'check_violation';
            END IF;
            IF OLD.status = 'rejected' AND NEW.status = 'rejected' THEN
                RAISE EXCEPTION 'review %% is rejected: it names a product only when it is approved', OLD.id
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.status = 'approved' AND NEW.product_id IS NULL THEN
                NEW.product_id := (NEW.candidates -> 0 ->> 'product_id')::bigint;
                IF NEW.product_id IS NULL THEN
                    RAISE EXCEPTION 'review %% has no candidates: it is approved by naming the product_id', NEW.id
                        USING ERRCODE = 'not_null_violation';
                END IF;
            ELSIF NEW.status = 'rejected' THEN
                NEW.product_id := NULL;
            END IF;
            NEW.decided_at := clock_timestamp();

            SELECT product_id INTO before FROM %1$I.supplier_items WHERE id = NEW.supplier_item_id;
            PERFORM FROM %1$I.products WHERE id IN (before, NEW.product_id) ORDER BY id FOR NO KEY UPDATE;
            SELECT * INTO item FROM %1$I.supplier_items WHERE id = NEW.supplier_item_id FOR NO KEY UPDATE;
            IF item.product_id IS DISTINCT FROM before THEN  -- a list has linked it meanwhile
                PERFORM FROM %1$I.products WHERE id = item.product_id FOR NO KEY UPDATE;
            END IF;
            SELECT max(id) INTO newer
            FROM %1$I.match_reviews
            WHERE supplier_item_id = NEW.supplier_item_id
              AND id > NEW.id
              AND status IN ('pending', 'approved', 'rejected');
            IF newer IS NOT NULL THEN
                RAISE EXCEPTION 'review %% is not the newest of its item: decide review %%', NEW.id, newer
                    USING ERRCODE = 'check_violation';
            END IF;

            -- A draft of this item alone: which other offers are the same thing, the supplier's next list finds out, and
            -- then it becomes a draft with them, and this one goes.
            IF NEW.status = 'rejected' THEN
                INSERT INTO %1$I.product_drafts AS known
                    (draft_key, name, manufacturer, part_number, barcode, characteristics)
                VALUES ('item|' || item.id, item.name, item.manufacturer, item.part_number, item.barcode,
                        item.characteristics)
                ON CONFLICT (draft_key) DO UPDATE
                SET status = 'draft',
                    product_id = NULL
                RETURNING id INTO draft;
            END IF;
            UPDATE %1$I.supplier_items
            SET product_id = NEW.product_id,
                draft_id = draft,
                match_status = CASE NEW.status WHEN 'approved' THEN 'confirmed' ELSE 'draft' END
            WHERE id = item.id;
            PERFORM %1$I.catalogd_drop_drafts(ARRAY[item.draft_id]);
            PERFORM %1$I.catalogd_refresh_offers(array_remove(ARRAY[item.product_id, NEW.product_id], NULL));
            INSERT INTO %1$I.audit_log (entity_type, entity_id, action, actor_type, actor_id, metadata)
            VALUES ('match_review', NEW.id, NEW.status,
                    left(coalesce(nullif(current_setting('catalogd.actor', true), ''), 'user'), 20), NEW.decided_by,
                    jsonb_build_object('from', OLD.status, 'to', NEW.status, 'supplier_item', NEW.supplier_item_id,
                                       'product', NEW.product_id, 'role', session_user));
            RETURN NEW;
        END
        $body$
    $function$, current_schema());

    -- A draft was made into a product, or discarded: the items that wait for it are linked. Those that it has linked follow
    -- it to another product, and become drafts again when it is taken back, or its product is deleted.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_draft_decided() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            touched bigint[];
        BEGIN
            IF NEW.status = 'accepted' AND NEW.product_id IS NULL THEN
                IF OLD.status <> 'accepted' THEN
                    RAISE EXCEPTION 'draft %% is accepted by naming the product_id that it was made into', NEW.id
                        USING ERRCODE = 'not_null_violation';
                END IF;
                NEW.status := 'draft';
            END IF;
            IF OLD.status = 'accepted' AND NEW.status <> 'accepted' THEN
                NEW.product_id := NULL;
            END IF;
            NEW.updated_at := clock_timestamp();
            IF 'accepted' IN (OLD.status, NEW.status) THEN
                SELECT coalesce(array_agg(id), '{}') INTO touched
                FROM (
                    SELECT id
                    FROM %1$I.products
                    WHERE id IN (OLD.product_id, NEW.product_id)  -- without one that is being deleted
                    ORDER BY id
                    FOR NO KEY UPDATE
                ) AS locked;
                PERFORM FROM %1$I.supplier_items WHERE draft_id = NEW.id ORDER BY id FOR NO KEY UPDATE;
                UPDATE %1$I.supplier_items
                SET product_id = NEW.product_id,
                    match_status = CASE NEW.status WHEN 'accepted' THEN 'confirmed' ELSE 'draft' END
                WHERE draft_id = NEW.id
                  AND (match_status = 'draft'
                       OR match_status = 'confirmed' AND OLD.status = 'accepted'
                          AND coalesce(product_id, OLD.product_id) = OLD.product_id);
                PERFORM %1$I.catalogd_refresh_offers(touched);
            END IF;
            INSERT INTO %1$I.audit_log (entity_type, entity_id, action, actor_type, metadata)
            VALUES ('product_draft', NEW.id, NEW.status,
                    left(coalesce(nullif(current_setting('catalogd.actor', true), ''), 'user'), 20),
                    jsonb_build_object('from', OLD.status, 'to', NEW.status, 'product', NEW.product_id, 'role', session_user));
            RETURN NEW;
        END
        $body$
    $function$, current_schema());

    -- A supplier goes: what its items hold is locked before them, in the order in which everything does.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_supplier_deleted() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        BEGIN
            PERFORM
            FROM %1$I.products
            WHERE id IN (SELECT product_id FROM %1$I.supplier_items WHERE supplier_id = OLD.id)
            ORDER BY id
            FOR NO KEY UPDATE;
            PERFORM FROM %1$I.supplier_items WHERE supplier_id = OLD.id ORDER BY id FOR UPDATE;
            RETURN OLD;
        END
        $body$
    $function$, current_schema());

    -- Items are gone: what others offer of their products is the best now, and drafts of nothing else are dropped.
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_items_deleted() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            touched bigint[];
        BEGIN
            SELECT coalesce(array_agg(id), '{}') INTO touched
            FROM (
                SELECT id
                FROM %1$I.products
                WHERE id IN (SELECT product_id FROM deleted)
                ORDER BY id
                FOR NO KEY UPDATE
            ) AS locked;
            PERFORM %1$I.catalogd_refresh_offers(touched);
            PERFORM %1$I.catalogd_drop_drafts(ARRAY(SELECT DISTINCT draft_id FROM deleted WHERE draft_id IS NOT NULL));
            RETURN NULL;
        END
        $body$
    $function$, current_schema());
END
$$;
REVOKE EXECUTE ON FUNCTION catalogd_refresh_offers(bigint[]), catalogd_drop_drafts(bigint[]), catalogd_match_decided(),
    catalogd_draft_decided(), catalogd_supplier_deleted(), catalogd_items_deleted() FROM PUBLIC;

DROP TRIGGER IF EXISTS catalogd_match_decided ON match_reviews;
CREATE TRIGGER catalogd_match_decided
    BEFORE UPDATE OF status, product_id ON match_reviews
    FOR EACH ROW
    WHEN (NEW.status IN ('approved', 'rejected')
          AND (OLD.status IS DISTINCT FROM NEW.status OR OLD.product_id IS DISTINCT FROM NEW.product_id)
          AND NOT (OLD.status = NEW.status AND NEW.product_id IS NULL))  -- its product was deleted
    EXECUTE FUNCTION catalogd_match_decided();

DROP TRIGGER IF EXISTS catalogd_draft_decided ON product_drafts;
CREATE TRIGGER catalogd_draft_decided
    BEFORE UPDATE OF status, product_id ON product_drafts
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status = 'accepted' OR NEW.status IN ('accepted', 'discarded'))
          OR OLD.status = 'accepted' AND OLD.product_id IS DISTINCT FROM NEW.product_id)
    EXECUTE FUNCTION catalogd_draft_decided();

DROP TRIGGER IF EXISTS catalogd_supplier_deleted ON suppliers;
CREATE TRIGGER catalogd_supplier_deleted
    BEFORE DELETE ON suppliers
    FOR EACH ROW
    EXECUTE FUNCTION catalogd_supplier_deleted();

DROP TRIGGER IF EXISTS catalogd_items_deleted ON supplier_items;
CREATE TRIGGER catalogd_items_deleted
    AFTER DELETE ON supplier_items
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION catalogd_items_deleted();

-- How a list came out.
CREATE OR REPLACE VIEW supplier_import_summary AS
SELECT import_id,
       count(*) AS lines,
       count(*) FILTER (WHERE match_status = 'linked') AS linked,
       count(*) FILTER (WHERE match_status = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE match_status = 'review') AS review,
       count(*) FILTER (WHERE match_status = 'draft') AS draft,
       count(*) FILTER (WHERE is_new) AS new,
       count(*) FILTER (WHERE is_changed) AS changed
FROM supplier_import_results
GROUP BY import_id;

COMMENT ON COLUMN supplier_items.match_status IS
    'linked: by catalogd; confirmed: by a person; review: a person is asked; draft: no product of the catalogue';
COMMENT ON COLUMN supplier_items.gone_at IS 'when a list was read that has it no longer';
COMMENT ON COLUMN match_reviews.candidates IS 'products with score, reasons and what was measured, the best first';
