-- depends: 0024-refresh-offers-by-product
-- The bell says in which table something is to be done, so that it wakes only those who work on that. For each table the
-- payload is constant: Postgres still folds the notifications of one transaction. What is replaced keeps its owner and its
-- rights.
SET LOCAL lock_timeout = '3s';

CREATE OR REPLACE FUNCTION catalogd_batch_inserted() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('catalogd', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

DO $$
BEGIN
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_batch_ordered() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        BEGIN
            IF NEW.status = 'cancelled' THEN
                NEW.completed_at := pg_catalog.now();
            ELSE
                NEW.completed_at := NULL;
                NEW.error_message := NULL;
            END IF;
            INSERT INTO %I.audit_log (entity_type, entity_id, action, actor_type, actor_id, metadata)
            VALUES (TG_ARGV[0], NEW.id,
                    CASE NEW.status WHEN 'cancelled' THEN 'cancelled' ELSE 'retried' END,
                    coalesce(nullif(pg_catalog.current_setting('catalogd.actor', true), ''), 'user'),
                    substring(pg_catalog.current_setting('catalogd.user', true) FROM '^[0-9]{1,9}$')::integer,
                    pg_catalog.jsonb_build_object('from', OLD.status, 'to', NEW.status, 'retry_count', NEW.retry_count,
                                                  'role', session_user));
            PERFORM pg_catalog.pg_notify('catalogd', TG_TABLE_NAME);
            RETURN NEW;
        END
        $body$
    $function$, current_schema());
END
$$;
