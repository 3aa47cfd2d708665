-- depends: 0013-adopt-recommendations
-- The decisions that were made before there were triggers, and views of how right the predictions proved to be.
SET LOCAL lock_timeout = '3s';
DO $$
DECLARE
    pending record;
BEGIN
    FOR pending IN
        SELECT c.conname AS name
        FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass('human_recommendations')
          AND NOT c.convalidated
          AND c.conname IN (SELECT name FROM catalogd_additions WHERE table_name = 'human_recommendations')
        ORDER BY c.conname
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE human_recommendations VALIDATE CONSTRAINT %I', pending.name);
        EXCEPTION WHEN foreign_key_violation THEN
            RAISE EXCEPTION 'table human_recommendations: rows that were there already break %: %', pending.name, SQLERRM
                USING ERRCODE = 'check_violation',
                      HINT = 'correct or remove those rows of human_recommendations, then run "catalogd migrate" again';
        END;
    END LOOP;
END
$$;

UPDATE human_recommendations AS recommendation
SET product_id = prediction.product_id
FROM predictions AS prediction
WHERE prediction.id = recommendation.prediction_id
  AND recommendation.product_id IS NULL;

INSERT INTO human_decisions (product_id, prediction_id, verdict, predicted_category_code, right_category_code, is_right,
                             confidence_score, confidence_level, model_version, decided_at)
SELECT product_id,
       id,
       status,
       suggested_category_code,
       CASE status WHEN 'approved' THEN suggested_category_code END,
       status = 'approved',
       confidence_score,
       confidence_level,
       model_version,
       least(greatest(coalesce(updated_at, created_at, now()), '2000-01-01'), now())  -- as near as it is known
FROM predictions
WHERE status IN ('approved', 'rejected')
ORDER BY id
ON CONFLICT DO NOTHING;

INSERT INTO human_decisions (product_id, prediction_id, recommendation_id, verdict, predicted_category_code,
                             right_category_code, is_right, confidence_score, confidence_level, model_version, decided_at)
SELECT recommendation.product_id,
       prediction.id,
       recommendation.id,
       'recommended',
       prediction.suggested_category_code,
       nullif(recommendation.category_code, ''),
       CASE
           WHEN prediction.id IS NOT NULL
           THEN coalesce(prediction.suggested_category_code = recommendation.category_code, false)
       END,
       prediction.confidence_score,
       prediction.confidence_level,
       prediction.model_version,
       least(greatest(coalesce(recommendation.created_at, now()), '2000-01-01'), now())
FROM human_recommendations AS recommendation
LEFT JOIN predictions AS prediction ON prediction.id = recommendation.prediction_id
WHERE recommendation.product_id IS NOT NULL
ORDER BY recommendation.id
ON CONFLICT DO NOTHING;

-- What people last said of each prediction. Where they had named the product's category on an earlier one, a later one only
-- repeats what they said, and proves nothing: that is left out.
CREATE OR REPLACE VIEW lived_decisions AS
SELECT DISTINCT ON (prediction_id)
       prediction_id,
       product_id,
       model_version,
       confidence_level,
       confidence_score,
       is_right,
       decided_at
FROM human_decisions AS decision
WHERE prediction_id IS NOT NULL
  AND NOT EXISTS (SELECT
                  FROM human_decisions AS earlier
                  WHERE earlier.product_id = decision.product_id
                    AND earlier.prediction_id < decision.prediction_id
                    AND earlier.right_category_code IS NOT NULL)
ORDER BY prediction_id, decided_at DESC, id DESC;

-- The share that was right of what people decided on, by week and level. It lies between low and high in 95 of 100 such
-- weeks (Wilson's score interval).
CREATE OR REPLACE VIEW lived_precision AS
WITH counted AS (
    SELECT date_trunc('week', decided_at)::date AS week,
           confidence_level,
           count(*) AS decided,
           count(*) FILTER (WHERE is_right) AS correct
    FROM lived_decisions
    GROUP BY 1, 2
)
SELECT week,
       confidence_level,
       decided,
       correct,
       round(share::numeric, 4) AS precision,
       round(greatest(middle - reach, 0)::numeric, 4) AS precision_low,
       round(least(middle + reach, 1)::numeric, 4) AS precision_high
FROM counted
CROSS JOIN LATERAL (SELECT correct::float8 / decided AS share, 1.959964::float8 ^ 2 / decided AS spread) AS known
CROSS JOIN LATERAL (
    SELECT (share + spread / 2) / (1 + spread) AS middle,
           sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread) AS reach
) AS wilson;

-- The same by the model that predicted.
CREATE OR REPLACE VIEW lived_precision_by_model AS
WITH counted AS (
    SELECT model_version,
           confidence_level,
           count(*) AS decided,
           count(*) FILTER (WHERE is_right) AS correct,
           max(decided_at) AS last_decided_at
    FROM lived_decisions
    GROUP BY 1, 2
)
SELECT model_version,
       confidence_level,
       decided,
       correct,
       round(share::numeric, 4) AS precision,
       round(greatest(middle - reach, 0)::numeric, 4) AS precision_low,
       round(least(middle + reach, 1)::numeric, 4) AS precision_high,
       last_decided_at
FROM counted
CROSS JOIN LATERAL (SELECT correct::float8 / decided AS share, 1.959964::float8 ^ 2 / decided AS spread) AS known
CROSS JOIN LATERAL (
    SELECT (share + spread / 2) / (1 + spread) AS middle,
           sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread) AS reach
) AS wilson;
