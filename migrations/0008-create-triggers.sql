-- depends: 0007-create-views
-- The bell: NOTIFY where PHP inserts, retries or cancels, and nowhere else (such a commit takes a cluster-wide lock).
-- The payload is constant, so Postgres folds the notifications of one transaction into one.
SET LOCAL lock_timeout = '3s';

CREATE OR REPLACE FUNCTION catalogd_batch_inserted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('catalogd', '');
    RETURN NULL;
END
$$;

-- A person's order (retry, cancel) is audited where it is given, whoever gives it and by whatever client. The names of
-- the schema and its tables are bound now, so that no caller's search_path can redirect them.
DO $$
BEGIN
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_batch_ordered() RETURNS trigger
        LANGUAGE plpgsql AS $body$
        BEGIN
            IF NEW.status = 'cancelled' THEN
                NEW.completed_at := pg_catalog.now();
            ELSE
                NEW.completed_at := NULL;
                NEW.error_message := NULL;
            END IF;
            INSERT INTO %I.audit_log (entity_type, entity_id, action, actor_type, metadata)
            VALUES (TG_ARGV[0], NEW.id,
                    CASE NEW.status WHEN 'cancelled' THEN 'cancelled' ELSE 'retried' END,
                    coalesce(nullif(pg_catalog.current_setting('catalogd.actor', true), ''), 'user'),
                    pg_catalog.jsonb_build_object('from', OLD.status, 'to', NEW.status, 'retry_count', NEW.retry_count));
            PERFORM pg_catalog.pg_notify('catalogd', '');
            RETURN NEW;
        END
        $body$
    $function$, current_schema());
END
$$;

DROP TRIGGER IF EXISTS catalogd_batch_inserted ON categorization_batches;
CREATE TRIGGER catalogd_batch_inserted
    AFTER INSERT ON categorization_batches
    FOR EACH STATEMENT
    EXECUTE FUNCTION catalogd_batch_inserted();

DROP TRIGGER IF EXISTS catalogd_batch_ordered ON categorization_batches;
CREATE TRIGGER catalogd_batch_ordered
    BEFORE UPDATE OF status ON categorization_batches
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('pending', 'cancelled'))
    EXECUTE FUNCTION catalogd_batch_ordered('categorization_batch');
