-- depends: 0015-adopt-category-rules
-- What each slice of work saw: how many products, how many with a low confidence, how much of them the model does not
-- know. Summed by batch, beside what was usual when the model was learned, it tells of batches that are unlike all before.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS batch_observations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES categorization_batches (id) ON DELETE CASCADE,
    model_version bigint,
    products integer NOT NULL,
    low integer NOT NULL,
    unknown double precision NOT NULL,
    unknown_manufacturers integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS batch_observations_of_batch ON batch_observations (batch_id);
DO $$
BEGIN
    PERFORM catalogd_require_columns('batch_observations',
        ARRAY['id', 'batch_id', 'model_version', 'products', 'low', 'unknown', 'unknown_manufacturers', 'created_at'],
        'DROP TABLE batch_observations CASCADE');
END
$$;

-- `outside` names the figures that left the usual band, as drift/band.py has it (a test compares the two).
CREATE OR REPLACE VIEW batch_drift AS
SELECT seen.batch_id,
       seen.model_version,
       seen.products,
       seen.low,
       seen.unknown,
       seen.unknown_manufacturers,
       usual.products AS usual_products,
       usual.low AS usual_low,
       usual.unknown AS usual_unknown,
       usual.unknown_manufacturers AS usual_unknown_manufacturers,
       coalesce(far.outside, '{}') AS outside
FROM (
    SELECT batch_id,
           (array_agg(model_version ORDER BY id DESC))[1] AS model_version,
           sum(products) AS products,
           sum(low) / sum(products)::float8 AS low,
           sum(unknown) / sum(products)::float8 AS unknown,
           sum(unknown_manufacturers) / sum(products)::float8 AS unknown_manufacturers
    FROM batch_observations
    WHERE products > 0
    GROUP BY batch_id
) AS seen
LEFT JOIN categorization_models AS model
    ON model.version = seen.model_version AND jsonb_typeof(model.report -> 'usual') = 'object'
LEFT JOIN LATERAL jsonb_to_record(model.report -> 'usual')
    AS usual (products bigint, low float8, unknown float8, unknown_manufacturers float8) ON usual.products > 0
LEFT JOIN LATERAL (
    SELECT array_agg(figure.name ORDER BY figure.place) AS outside
    FROM (VALUES (1, 'low', seen.low, usual.low),
                 (2, 'unknown', seen.unknown, usual.unknown),
                 (3, 'unknown_manufacturers', seen.unknown_manufacturers, usual.unknown_manufacturers))
        AS figure (place, name, share, usual)
    CROSS JOIN LATERAL (SELECT (figure.usual * usual.products + 1) / (usual.products + 2) AS share,
                               1 / seen.products::float8 + 1 / usual.products::float8 AS uncertainty) AS smooth
    WHERE seen.products >= 20
      AND abs(figure.share - figure.usual)
          > greatest(0.1, 4 * sqrt(smooth.share * (1 - smooth.share) * smooth.uncertainty) + 16 / 3.0 * smooth.uncertainty)
) AS far ON true;
