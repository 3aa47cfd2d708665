-- depends: 0012-keep-alternatives
-- What people decide. PHP sets a prediction's status to approved or rejected, or inserts a recommendation; triggers write
-- down each decision as it stands, with what had been predicted. It is known by its product: it outlives its prediction,
-- and what reads it looks into one small table, however many predictions there are.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    col text;
BEGIN
    PERFORM catalogd_adopt_table('human_recommendations');
    PERFORM catalogd_adopt_column('human_recommendations', 'prediction_id', 'id', 'bigint');
    PERFORM catalogd_adopt_column('human_recommendations', 'product_id', 'id', 'bigint');
    PERFORM catalogd_adopt_column('human_recommendations', 'category_code', 'text', 'text');
    PERFORM catalogd_adopt_column('human_recommendations', 'created_by', 'id', 'bigint');
    PERFORM catalogd_adopt_column('human_recommendations', 'reason', 'text', 'text');
    PERFORM catalogd_adopt_column('human_recommendations', 'created_at', 'time', 'timestamptz NOT NULL DEFAULT now()');
    FOR col IN
        SELECT a.attname
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass('human_recommendations')
          AND a.attname IN ('prediction_id', 'category_code', 'created_by', 'reason')
          AND a.attnotnull
    LOOP
        RAISE EXCEPTION 'table human_recommendations, column %: it is NOT NULL, and must be able to say that there is none', col
            USING ERRCODE = 'datatype_mismatch',
                  HINT = format('ALTER TABLE human_recommendations ALTER COLUMN %I DROP NOT NULL', col);
    END LOOP;
    PERFORM catalogd_adopt_foreign_key('human_recommendations', 'prediction_id', 'predictions', 'SET NULL');
    PERFORM catalogd_adopt_foreign_key('human_recommendations', 'product_id', 'products', 'CASCADE');
    PERFORM catalogd_adopt_foreign_key('human_recommendations', 'created_by', 'users', 'SET NULL');
    PERFORM catalogd_adopt_index('human_recommendations', ARRAY['prediction_id']);
    PERFORM catalogd_adopt_index('human_recommendations', ARRAY['product_id']);
END
$$;

-- right_category_code: what the product is, by this decision; NULL where it does not say. is_right: whether the prediction
-- was; where it was not, its category is one that the product has not. NULL for a recommendation without a prediction.
-- No foreign key to predictions: when one is deleted or detached, what people said of its product stays true.
CREATE TABLE IF NOT EXISTS human_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    prediction_id bigint,
    recommendation_id bigint REFERENCES human_recommendations (id) ON DELETE CASCADE,
    verdict text NOT NULL CONSTRAINT verdict_known CHECK (verdict IN ('approved', 'rejected', 'recommended')),
    predicted_category_code text,
    right_category_code text,
    is_right boolean,
    confidence_score numeric(5,2),
    confidence_level text,
    model_version bigint,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
DO $$
BEGIN
    PERFORM catalogd_require_columns('human_decisions',
        ARRAY['id', 'product_id', 'prediction_id', 'recommendation_id', 'verdict',
              'predicted_category_code', 'right_category_code', 'is_right', 'confidence_score', 'confidence_level',
              'model_version', 'decided_at'],
        'DROP TABLE human_decisions, then migrate: it is filled again from predictions and human_recommendations');
END
$$;
CREATE INDEX IF NOT EXISTS human_decisions_of_product ON human_decisions (product_id, decided_at DESC, id DESC);
CREATE UNIQUE INDEX IF NOT EXISTS human_decisions_one_verdict ON human_decisions (prediction_id)
    WHERE recommendation_id IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS human_decisions_one_recommendation ON human_decisions (recommendation_id);

-- The functions have their owner's rights, as in migration 10: PHP writes neither decisions nor who is said to have made
-- one. catalogd.actor tells who acts where it is not a person: what a machine approves is audited, but is nobody's
-- decision. catalogd.user may name the person.
DO $$
BEGIN
    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_prediction_decided() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            actor text := coalesce(nullif(current_setting('catalogd.actor', true), ''), 'user');
        BEGIN
            IF actor IN ('user', 'operator') AND NEW.status IN ('approved', 'rejected') THEN
                INSERT INTO %1$I.human_decisions (product_id, prediction_id, verdict, predicted_category_code,
                                                  right_category_code, is_right, confidence_score, confidence_level,
                                                  model_version)
                VALUES (NEW.product_id, NEW.id, NEW.status, NEW.suggested_category_code,
                        CASE NEW.status WHEN 'approved' THEN NEW.suggested_category_code END,
                        NEW.status = 'approved', NEW.confidence_score, NEW.confidence_level, NEW.model_version)
                ON CONFLICT (prediction_id) WHERE recommendation_id IS NULL DO UPDATE
                SET verdict = excluded.verdict,
                    right_category_code = excluded.right_category_code,
                    is_right = excluded.is_right,
                    decided_at = excluded.decided_at;
            ELSIF actor IN ('user', 'operator') THEN
                DELETE FROM %1$I.human_decisions
                WHERE prediction_id = NEW.id AND recommendation_id IS NULL;
            END IF;
            INSERT INTO %1$I.audit_log (entity_type, entity_id, action, actor_type, actor_id, metadata)
            VALUES ('prediction', NEW.id,
                    CASE WHEN NEW.status IN ('approved', 'rejected') THEN NEW.status ELSE 'withdrawn' END,
                    left(actor, 20),
                    substring(current_setting('catalogd.user', true) FROM '^[0-9]{1,9}$')::integer,
                    jsonb_build_object('from', OLD.status, 'to', NEW.status, 'category', NEW.suggested_category_code,
                                       'role', session_user));
            RETURN NULL;
        END
        $body$
    $function$, current_schema());

    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_recommendation_given() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            predicted bigint;
        BEGIN
            NEW.category_code := nullif(NEW.category_code, '');
            IF NEW.prediction_id IS NOT NULL THEN
                SELECT product_id INTO predicted FROM %1$I.predictions WHERE id = NEW.prediction_id;
                IF predicted IS NULL THEN
                    RAISE EXCEPTION 'there is no prediction %% to recommend another category for', NEW.prediction_id
                        USING ERRCODE = 'foreign_key_violation';
                ELSIF NEW.product_id <> predicted THEN
                    RAISE EXCEPTION 'prediction %% is for product %%, not for product %%', NEW.prediction_id, predicted,
                        NEW.product_id
                        USING ERRCODE = 'check_violation';
                END IF;
                NEW.product_id := predicted;
            ELSIF NEW.product_id IS NULL THEN
                RAISE EXCEPTION 'a recommendation needs a prediction_id, or a product_id'
                    USING ERRCODE = 'not_null_violation';
            END IF;
            RETURN NEW;
        END
        $body$
    $function$, current_schema());

    EXECUTE format($function$
        CREATE OR REPLACE FUNCTION catalogd_recommended() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                UPDATE %1$I.human_decisions
                SET right_category_code = nullif(NEW.category_code, ''),
                    is_right = CASE
                        WHEN is_right IS NOT NULL THEN coalesce(predicted_category_code = NEW.category_code, false)
                    END,
                    decided_at = clock_timestamp()
                WHERE recommendation_id = NEW.id;
            ELSE
                INSERT INTO %1$I.human_decisions (product_id, prediction_id, recommendation_id, verdict,
                                                  predicted_category_code, right_category_code, is_right,
                                                  confidence_score, confidence_level, model_version)
                SELECT NEW.product_id, prediction.id, NEW.id, 'recommended', prediction.suggested_category_code,
                       NEW.category_code,
                       CASE
                           WHEN prediction.id IS NOT NULL
                           THEN coalesce(prediction.suggested_category_code = NEW.category_code, false)
                       END,
                       prediction.confidence_score, prediction.confidence_level, prediction.model_version
                FROM (VALUES (NEW.prediction_id)) AS given (id)
                LEFT JOIN %1$I.predictions AS prediction ON prediction.id = given.id;
            END IF;
            INSERT INTO %1$I.audit_log (entity_type, entity_id, action, actor_type, actor_id, metadata)
            VALUES (CASE WHEN NEW.prediction_id IS NULL THEN 'product' ELSE 'prediction' END,
                    coalesce(NEW.prediction_id, NEW.product_id), 'recommended',
                    left(coalesce(nullif(current_setting('catalogd.actor', true), ''), 'user'), 20), NEW.created_by,
                    jsonb_build_object('recommendation', NEW.id, 'category', NEW.category_code, 'role', session_user));
            RETURN NULL;
        END
        $body$
    $function$, current_schema());
END
$$;
REVOKE EXECUTE ON FUNCTION catalogd_prediction_decided(), catalogd_recommendation_given(), catalogd_recommended() FROM PUBLIC;

-- After the row was written, and only for a person's change: superseding older predictions costs a look at the condition.
DROP TRIGGER IF EXISTS catalogd_prediction_decided ON predictions;
CREATE TRIGGER catalogd_prediction_decided
    AFTER UPDATE OF status ON predictions
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status
          AND (NEW.status IN ('approved', 'rejected') OR OLD.status IN ('approved', 'rejected')))
    EXECUTE FUNCTION catalogd_prediction_decided();

DROP TRIGGER IF EXISTS catalogd_recommendation_given ON human_recommendations;
CREATE TRIGGER catalogd_recommendation_given
    BEFORE INSERT ON human_recommendations
    FOR EACH ROW
    EXECUTE FUNCTION catalogd_recommendation_given();

DROP TRIGGER IF EXISTS catalogd_recommended ON human_recommendations;
CREATE TRIGGER catalogd_recommended
    AFTER INSERT OR UPDATE OF category_code ON human_recommendations
    FOR EACH ROW
    EXECUTE FUNCTION catalogd_recommended();
