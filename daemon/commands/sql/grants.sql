-- Five roles for catalogd, each with the least it needs. Made by "catalogd grants", which takes other names; it can be
-- run again at any time, all of it or nothing takes effect, and a role that exists is not changed.
--
--   owner     runs "catalogd migrate"; owns catalogd's tables, views and functions
--   runtime   runs "catalogd run", "learn", "models", "evaluate", "retry" and "cancel"
--   php       the shop: inserts, sets back, cancels and deletes batches, reads answers, approves or rejects them,
--             recommends others, and writes rules
--   operator  reads: "catalogd status", "tail", "doctor", "errors", "explain", "precision", "rules", "models list",
--             "models compare"
--
--   web       the page, "catalogd web": reads what the operator reads, and where people log in, sets batches back, cancels
--             them, approves and rejects predictions; as the operator, it only shows
--
-- Run it before the first "catalogd migrate", which the owner may then do, and after each one. Run it as a superuser, or
-- as the owner of the schema and of the shop's tables, with CREATEROLE; that one becomes a member of the owner role, for
-- only so can it grant what the owner owns. After later migrations the owner may run it as well.
-- Where the shop has a table akeneo_workflow, or PHP's migrations made some of catalogd's tables, the first migration is
-- for the owner of those. catalogd's are then handed over to the owner role: who is to change them from there on must be
-- a member of it. The roles may log in, but have no password: give them one, or a certificate.
BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL search_path = pg_catalog, pg_temp;  -- what runs here must not be what others put into the schema
SET LOCAL catalogd.schema = {schema};
SET LOCAL catalogd.owner = {owner};
SET LOCAL catalogd.runtime = {runtime};
SET LOCAL catalogd.php = {php};
SET LOCAL catalogd.operator = {operator};
SET LOCAL catalogd.web = {web};
DO $grants$
DECLARE
    place CONSTANT text := current_setting('catalogd.schema');
    owner CONSTANT text := current_setting('catalogd.owner');
    runtime CONSTANT text := current_setting('catalogd.runtime');
    php CONSTANT text := current_setting('catalogd.php');
    operator CONSTANT text := current_setting('catalogd.operator');
    web CONSTANT text := current_setting('catalogd.web');
    roles CONSTANT text[] := ARRAY[owner, runtime, php, operator, web];
    grantee text;
    privileges text;
    target text;
    thing record;
    is_migrated boolean := false;
BEGIN
    -- The roles, and the way in.
    FOREACH grantee IN ARRAY roles LOOP
        IF to_regrole(quote_ident(grantee)) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', grantee);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), grantee);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, grantee);
    END LOOP;
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO %I', place, owner);
    IF current_user <> owner AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', owner);
    END IF;

    -- Whoever may create a schema named like one of these roles, or a temporary table, must not be found first.
    FOREACH grantee IN ARRAY ARRAY[owner, runtime, operator, web] LOOP
        IF NOT EXISTS (SELECT
                       FROM pg_db_role_setting
                       CROSS JOIN unnest(setconfig) AS setting
                       WHERE setrole = quote_ident(grantee)::regrole
                         AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
                         AND setting LIKE 'search\_path=%') THEN
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %I, pg_temp', grantee, current_database(), place);
        END IF;
    END LOOP;

    -- What no grant mends, and is not catalogd's to change.
    FOREACH grantee IN ARRAY ARRAY[runtime, php, operator, web] LOOP
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = grantee) OR pg_has_role(grantee, owner, 'MEMBER') THEN
            RAISE WARNING 'role % is a superuser or a member of %: what is granted here does not bind it', grantee, owner;
        ELSIF has_schema_privilege(grantee, place, 'CREATE') THEN
            RAISE WARNING 'role % may create objects in schema %, and what is put there may run as catalogd', grantee, place
                USING HINT = format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC, %I', place, grantee);
        END IF;
    END LOOP;

    -- The shop's tables: foreign keys to them, the default views over them, the lock on a product and its status.
    FOR grantee, privileges, target IN
        SELECT * FROM (VALUES
            (owner, 'REFERENCES (id)', 'users'),
            (owner, 'REFERENCES (id), SELECT, UPDATE (status)', 'products'),  -- which a lock on a product's row asks for
            (owner, 'SELECT', 'categories'),
            (runtime, 'SELECT (id, status), UPDATE (status)', 'products')
        ) AS wanted (role, privileges, relation)
    LOOP
        IF to_regclass(format('%I.%I', place, target)) IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %I.%I TO %I', privileges, place, target, grantee);
        END IF;
    END LOOP;

    IF to_regclass(format('%I.catalogd_schema', place)) IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.catalogd_schema)', place) INTO is_migrated;
    END IF;
    IF NOT is_migrated THEN
        RAISE NOTICE 'there are no tables of catalogd in schema % yet: run "catalogd migrate", then this again', place;
        RETURN;
    END IF;

    -- catalogd's tables, and the views that it made itself, belong to the owner; nobody else has what is not granted below.
    FOR thing IN
        SELECT format('%I.%I', place, c.relname) AS name, pg_get_userbyid(c.relowner) AS owned_by
        FROM pg_class AS c
        WHERE c.relnamespace = quote_ident(place)::regnamespace
          AND (c.relname IN ('categorization_batches', 'predictions', 'evidence', 'audit_log', 'categorization_errors',
                             'batch_slices', 'categorization_models', 'human_recommendations', 'human_decisions',
                             'lived_decisions', 'lived_precision', 'lived_precision_by_model', 'prediction_experiments',
                             'prediction_results', 'experiment_summary', 'metric_trends', 'category_rules',
                             'batch_observations', 'batch_drift', 'batch_preparations', 'catalogd_duties',
                             'suppliers', 'supplier_imports', 'supplier_import_lines', 'supplier_import_results',
                             'supplier_import_errors', 'supplier_import_summary', 'supplier_items', 'supplier_item_prices',
                             'match_reviews', 'product_drafts', 'product_offers',
                             'catalogd_additions', 'catalogd_schema',
                             '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock')
               OR c.relname IN ('catalogd_products', 'catalogd_categories')
                  AND obj_description(c.oid, 'pg_class') LIKE 'default made by catalogd%')
    LOOP
        IF thing.owned_by <> owner THEN
            EXECUTE format('ALTER TABLE %s OWNER TO %I', thing.name, owner);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, %I, %I, %I, %I', thing.name, runtime, php, operator, web);
    END LOOP;

    -- The functions too. One that runs with its owner's rights must not be anybody's to put on a table of their own.
    FOR thing IN
        SELECT to_regprocedure(format('%I.%s', place, signature)) AS name
        FROM unnest(ARRAY[
            'catalogd_note_addition(text, text, text)', 'catalogd_require_table(text)', 'catalogd_adopt_table(text)',
            'catalogd_adopt_column(text, text, text, text)', 'catalogd_adopt_foreign_key(text, text, text, text)',
            'catalogd_adopt_check(text, text, text)', 'catalogd_adopt_index(text, text[], boolean)',
            'catalogd_require_columns(text, text[], text)', 'catalogd_remove_additions(text)',
            'catalogd_batch_inserted()', 'catalogd_batch_ordered()', 'catalogd_prediction_decided()',
            'catalogd_recommendation_given()', 'catalogd_recommended()',
            'catalogd_rule_changed()', 'catalogd_import_moved()', 'catalogd_match_decided()', 'catalogd_draft_decided()',
            'catalogd_supplier_deleted()', 'catalogd_items_deleted()', 'catalogd_drop_drafts(bigint[])',
            'catalogd_refresh_offers(bigint[])']) AS signature
    LOOP
        IF (SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE oid = thing.name) <> owner THEN
            EXECUTE format('ALTER FUNCTION %s OWNER TO %I', thing.name, owner);
        END IF;
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', thing.name);
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.catalogd_refresh_offers(bigint[]) TO %I', place, runtime);

    FOR grantee, privileges, target IN
        SELECT * FROM (VALUES
            -- The order. PHP gives it, sets it back, cancels it and deletes it; the rest of the row is the engine's.
            (php, 'SELECT, DELETE,'
                  ' INSERT (product_ids, total_products, created_by, created_at, status, priority, retry_count),'
                  ' UPDATE (product_ids, status, priority, retry_count)', 'categorization_batches'),
            (runtime, 'SELECT,'
                      ' UPDATE (status, retry_count, total_products, processed_products, success_products, error_products,'
                      ' remaining_products, error_message, started_at, completed_at)', 'categorization_batches'),

            -- The answers. A prediction is written once; of it only the status changes, and it goes with its batch.
            (runtime, 'SELECT,'
                      ' INSERT (id, product_id, batch_id, suggested_category_code, suggested_category_label,'
                      ' confidence_score, confidence_level, status, model_version, alternatives, unknown_share,'
                      ' unknown_manufacturer),'
                      ' UPDATE (status, updated_at)', 'predictions'),
            (php, 'SELECT, UPDATE (status, updated_at)', 'predictions'),
            (runtime, 'INSERT (prediction_id, source_type, source_label, evidence_value, weight)', 'evidence'),
            (php, 'SELECT', 'evidence'),
            (runtime, 'SELECT, DELETE, INSERT (batch_id, item, code, message, details)', 'categorization_errors'),
            (php, 'SELECT', 'categorization_errors'),

            -- What people decide. A recommendation is given once, a newer one takes its place; when, and what had been
            -- predicted, is not PHP's to say. The decisions themselves are written by triggers alone.
            (php, 'SELECT, INSERT (prediction_id, product_id, category_code, created_by, reason)', 'human_recommendations'),
            (php, 'SELECT', 'lived_precision'),
            (php, 'SELECT', 'lived_precision_by_model'),
            (runtime, 'SELECT', 'human_recommendations'),
            (runtime, 'SELECT', 'human_decisions'),
            (runtime, 'SELECT', 'lived_decisions'),
            (runtime, 'SELECT', 'lived_precision'),
            (runtime, 'SELECT', 'lived_precision_by_model'),

            -- The audit log. Nobody changes or deletes an entry, or chooses its time.
            (runtime, 'INSERT (entity_type, entity_id, action, actor_type, metadata)', 'audit_log'),
            (php, 'SELECT, INSERT (entity_type, entity_id, action, actor_type, actor_id, metadata)', 'audit_log'),

            -- The rules. PHP writes them and the daemon reads them; their times are the trigger's.
            (php, 'SELECT, DELETE, INSERT (field, pattern, category_code, weight, note, who, is_active),'
                  ' UPDATE (field, pattern, category_code, weight, note, who, is_active)', 'category_rules'),
            (runtime, 'SELECT', 'category_rules'),

            -- What slices saw, and the view that sums it up.
            (runtime, 'INSERT (batch_id, model_version, products, low, unknown, unknown_manufacturers)', 'batch_observations'),
            (runtime, 'SELECT', 'batch_drift'),
            (php, 'SELECT', 'batch_drift'),

            -- Price lists. PHP names suppliers and orders imports; which product an offer is, it says by deciding a review,
            -- or a draft. A review's candidates and scores are the daemon's.
            (php, 'SELECT, DELETE, INSERT (name, source_type, source_url, is_active, meta),'
                  ' UPDATE (name, source_type, source_url, is_active, meta, updated_at)', 'suppliers'),
            (runtime, 'SELECT, INSERT (name, source_type, source_url, is_active, meta),'
                      ' UPDATE (source_type, source_url, is_active, meta, updated_at)', 'suppliers'),
            (php, 'SELECT, DELETE,'
                  ' INSERT (supplier_id, source_type, source_url, column_mapping, options, created_by, created_at, status,'
                  ' priority, retry_count, total_lines),'
                  ' UPDATE (source_type, source_url, column_mapping, options, status, priority, retry_count)',
                  'supplier_imports'),
            (runtime, 'SELECT, INSERT (supplier_id, source_type, source_url, column_mapping, options),'
                      ' UPDATE (status, retry_count, phase, phase_percent, line_numbers, total_lines, processed_lines,'
                      ' success_lines, error_lines, remaining_lines, file_name, file_checksum, fetched, detected, ml_job,'
                      ' error_message, started_at, completed_at)', 'supplier_imports'),
            (runtime, 'SELECT, INSERT, DELETE', 'supplier_import_lines'),
            (runtime, 'SELECT, INSERT, DELETE', 'supplier_import_results'),
            (php, 'SELECT', 'supplier_import_results'),
            (php, 'SELECT', 'supplier_import_summary'),
            (runtime, 'SELECT', 'supplier_import_summary'),
            (runtime, 'SELECT, DELETE, INSERT (import_id, item, code, message, details)', 'supplier_import_errors'),
            (php, 'SELECT', 'supplier_import_errors'),
            (runtime, 'SELECT, INSERT, UPDATE', 'supplier_items'),
            (php, 'SELECT', 'supplier_items'),
            (runtime, 'INSERT (supplier_item_id, import_id, price, currency, is_available)', 'supplier_item_prices'),
            (php, 'SELECT', 'supplier_item_prices'),
            (runtime, 'SELECT, INSERT (supplier_item_id, import_id, score, candidates), UPDATE (status, score, candidates)',
             'match_reviews'),
            (php, 'SELECT, UPDATE (status, product_id, decided_by)', 'match_reviews'),
            -- A draft is locked while an item is added to it, and that needs a column that it may write.
            (runtime, 'SELECT, DELETE, INSERT (draft_key, name, manufacturer, part_number, barcode, characteristics),'
                      ' UPDATE (updated_at)', 'product_drafts'),
            (php, 'SELECT, UPDATE (status, product_id)', 'product_drafts'),
            (php, 'SELECT', 'product_offers'),

            -- What is nobody's but catalogd's. "learn" adds a model and lets old ones go; of none is changed what it says.
            (runtime, 'SELECT, INSERT, UPDATE, DELETE', 'batch_slices'),
            (runtime, 'SELECT, INSERT, UPDATE, DELETE', 'batch_preparations'),
            (runtime, 'SELECT, DELETE,'
                      ' INSERT (products, categories, report, content, promoted_at, fingerprint, settings,'
                      ' catalogd_version, label_digests, judged_products, judged_codes, judged_confidences),'
                      ' UPDATE (promoted_at, withdrawn_at)', 'categorization_models'),
            (runtime, 'SELECT, INSERT (name, catalogd_version),'
                      ' UPDATE (due_at, started_at, finished_at, failures, error, instance, catalogd_version)',
                      'catalogd_duties'),

            -- What "evaluate" found out. It adds experiments; the owner may delete old ones.
            (runtime, 'SELECT (id, data_fingerprint),'
                      ' INSERT (kind, settings, data_fingerprint, model_version, code_version, learned_products, metrics,'
                      ' started_at, note)', 'prediction_experiments'),
            (runtime, 'SELECT,'
                      ' INSERT (experiment_id, product_id, truth, value, confidence, reasoning, is_correct)',
                      'prediction_results'),
            (php, 'SELECT', 'experiment_summary'),
            (php, 'SELECT', 'metric_trends'),

            (owner, 'SELECT', 'catalogd_products'),  -- "partition" asks what learning still reads
            (runtime, 'SELECT', 'catalogd_products'),
            (runtime, 'SELECT', 'catalogd_categories'),
            (runtime, 'SELECT', 'catalogd_additions'),
            (runtime, 'SELECT', 'catalogd_schema'),
            (runtime, 'SELECT', '_yoyo_migration'),

            -- Operators see everything of catalogd's but what may hold a login or whatever else PHP and the sheet of
            -- suppliers wrote: addresses, options and habits. Of the shop's they see no more than the two views show.
            (operator, 'SELECT', 'categorization_batches'),
            (operator, 'SELECT', 'predictions'),
            (operator, 'SELECT', 'evidence'),
            (operator, 'SELECT', 'categorization_errors'),
            (operator, 'SELECT', 'audit_log'),
            (operator, 'SELECT', 'batch_slices'),
            (operator, 'SELECT', 'batch_preparations'),
            (operator, 'SELECT', 'categorization_models'),
            (operator, 'SELECT', 'prediction_experiments'),
            (operator, 'SELECT', 'prediction_results'),
            (operator, 'SELECT', 'experiment_summary'),
            (operator, 'SELECT', 'metric_trends'),
            (operator, 'SELECT', 'human_recommendations'),
            (operator, 'SELECT', 'human_decisions'),
            (operator, 'SELECT', 'lived_decisions'),
            (operator, 'SELECT', 'lived_precision'),
            (operator, 'SELECT', 'lived_precision_by_model'),
            (operator, 'SELECT', 'category_rules'),
            (operator, 'SELECT', 'batch_observations'),
            (operator, 'SELECT', 'batch_drift'),
            (operator, 'SELECT', 'catalogd_duties'),
            (operator, 'SELECT (id, name, source_type, is_active, created_at, updated_at)', 'suppliers'),
            (operator, 'SELECT (id, status, supplier_id, source_type, column_mapping, phase, phase_percent, failed_phase,'
                       ' line_numbers, total_lines, processed_lines, success_lines, error_lines, remaining_lines,'
                       ' retry_count, priority, file_name, file_checksum, fetched, detected, ml_job, created_by, created_at,'
                       ' started_at, completed_at, error_message)', 'supplier_imports'),
            (operator, 'SELECT', 'supplier_import_lines'),
            (operator, 'SELECT', 'supplier_import_results'),
            (operator, 'SELECT', 'supplier_import_summary'),
            (operator, 'SELECT', 'supplier_import_errors'),
            (operator, 'SELECT', 'supplier_items'),
            (operator, 'SELECT', 'supplier_item_prices'),
            (operator, 'SELECT', 'match_reviews'),
            (operator, 'SELECT', 'product_drafts'),
            (operator, 'SELECT', 'product_offers'),
            (operator, 'SELECT', 'catalogd_products'),
            (operator, 'SELECT', 'catalogd_categories'),
            (operator, 'SELECT', 'catalogd_additions'),
            (operator, 'SELECT', 'catalogd_schema'),
            (operator, 'SELECT', '_yoyo_migration'),

            -- The page gives the orders and decisions that PHP gives, and nothing else; it reads what operators read.
            (web, 'UPDATE (status, retry_count)', 'categorization_batches'),
            (web, 'UPDATE (status, retry_count)', 'supplier_imports'),
            (web, 'UPDATE (status, updated_at)', 'predictions')
        ) AS wanted (role, privileges, relation)
    LOOP
        EXECUTE format('GRANT %s ON %I.%I TO %I', privileges, place, target, grantee);
        IF grantee = operator THEN
            EXECUTE format('GRANT %s ON %I.%I TO %I', privileges, place, target, web);
        END IF;
    END LOOP;

    -- The numbers of new rows: a column that PHP's migrations made SERIAL asks for the right, an identity does not.
    FOR grantee, target IN
        SELECT wanted.role, pg_get_serial_sequence(format('%I.%I', place, relation), 'id')
        FROM (VALUES (runtime, 'predictions'), (runtime, 'evidence'), (runtime, 'categorization_errors'),
                     (runtime, 'audit_log'), (php, 'categorization_batches'), (php, 'audit_log'),
                     (php, 'human_recommendations'), (php, 'category_rules'), (php, 'suppliers'),
                     (runtime, 'suppliers'), (php, 'supplier_imports'), (runtime, 'supplier_imports'),
                     (runtime, 'supplier_import_errors')) AS wanted (role, relation)
    LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %I', target, grantee);
    END LOOP;
END
$grants$;
COMMIT;
