SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    IF to_regclass('predictions') IS NOT NULL THEN
        DROP TRIGGER IF EXISTS catalogd_prediction_decided ON predictions;
    END IF;
    IF to_regclass('human_recommendations') IS NOT NULL THEN
        DROP TRIGGER IF EXISTS catalogd_recommended ON human_recommendations;
        DROP TRIGGER IF EXISTS catalogd_recommendation_given ON human_recommendations;
    END IF;
END
$$;
DROP FUNCTION IF EXISTS catalogd_recommended();
DROP FUNCTION IF EXISTS catalogd_recommendation_given();
DROP FUNCTION IF EXISTS catalogd_prediction_decided();
DROP TABLE IF EXISTS human_decisions;
DO $$ BEGIN PERFORM catalogd_remove_additions('human_recommendations'); END $$;
