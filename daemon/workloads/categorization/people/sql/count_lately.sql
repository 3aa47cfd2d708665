-- What people said last of predictions, as the view lived_decisions has it, but only of the newest decisions: read at every
-- scrape, however many there are. By level; of the model in use, and of all models.
WITH newest AS (
    SELECT id, product_id, prediction_id, model_version, confidence_level, is_right, decided_at
    FROM human_decisions
    WHERE prediction_id IS NOT NULL
    ORDER BY id DESC
    LIMIT %(newest)s
), last AS (
    SELECT DISTINCT ON (prediction_id)
           product_id,
           prediction_id,
           model_version,
           confidence_level,
           is_right
    FROM newest
    ORDER BY prediction_id, decided_at DESC, id DESC
)
SELECT coalesce(confidence_level, 'none') AS level,
       count(*) AS decided,
       count(*) FILTER (WHERE is_right) AS correct,
       count(*) FILTER (WHERE model_version = %(version)s) AS decided_in_use,
       count(*) FILTER (WHERE model_version = %(version)s AND is_right) AS correct_in_use
FROM last
WHERE NOT EXISTS (SELECT
                  FROM human_decisions AS earlier
                  WHERE earlier.product_id = last.product_id
                    AND earlier.prediction_id < last.prediction_id
                    AND earlier.right_category_code IS NOT NULL)
GROUP BY 1
ORDER BY 1
