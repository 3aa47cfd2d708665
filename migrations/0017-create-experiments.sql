-- depends: 0016-create-observations
-- How good predictions were found to be: a row for each experiment, and one for each product it judged.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS prediction_experiments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind varchar(20) NOT NULL CONSTRAINT experiment_kind_known CHECK (kind IN ('catalogue', 'shop', 'decisions')),
    settings jsonb NOT NULL,
    data_fingerprint text NOT NULL,
    model_version bigint,
    code_version text NOT NULL,
    learned_products bigint NOT NULL,
    metrics jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    note text
);
-- product_id is the product as given: its id in the shop, or its sku in a file. So it refers to nothing.
CREATE TABLE IF NOT EXISTS prediction_results (
    experiment_id bigint NOT NULL REFERENCES prediction_experiments (id) ON DELETE CASCADE,
    product_id text NOT NULL,
    truth text,
    value text NOT NULL,
    confidence numeric(5,2) NOT NULL,
    reasoning text NOT NULL,
    is_correct boolean,
    PRIMARY KEY (experiment_id, product_id)
);
DO $$
BEGIN
    PERFORM catalogd_require_columns('prediction_experiments',
        ARRAY['id', 'kind', 'settings', 'data_fingerprint', 'model_version', 'code_version', 'learned_products', 'metrics',
              'started_at', 'finished_at', 'note'],
        'rename or drop the table prediction_experiments, then migrate again');
    PERFORM catalogd_require_columns('prediction_results',
        ARRAY['experiment_id', 'product_id', 'truth', 'value', 'confidence', 'reasoning', 'is_correct'],
        'rename or drop the table prediction_results, then migrate again');
END
$$;

CREATE OR REPLACE VIEW experiment_summary AS
SELECT id,
       kind,
       note,
       started_at,
       extract(epoch FROM finished_at - started_at)::numeric(12,1) AS duration_s,
       model_version,
       code_version,
       data_fingerprint,
       settings ->> 'fields' AS fields,
       settings -> 'without' AS without,
       learned_products,
       (metrics ->> 'products')::bigint AS products,
       (metrics ->> 'categories')::bigint AS categories,
       (metrics ->> 'top1')::numeric(5,4) AS top1,
       (metrics ->> 'macro_f1')::numeric(5,4) AS macro_f1,
       (metrics ->> 'top3')::numeric(5,4) AS top3,
       (metrics ->> 'threshold')::numeric(5,2) AS threshold,
       (metrics ->> 'coverage')::numeric(5,4) AS coverage,
       (metrics ->> 'precision')::numeric(5,4) AS precision,
       (metrics ->> 'wrong_above')::bigint AS wrong_above,
       (metrics ->> 'calibration_error')::numeric(5,4) AS calibration_error
FROM prediction_experiments;

-- Each figure of each experiment beside that of the experiment before with the same settings.
CREATE OR REPLACE VIEW metric_trends AS
SELECT figure.key AS metric,
       experiment.kind,
       experiment.settings,
       experiment.id AS experiment_id,
       experiment.started_at,
       experiment.model_version,
       experiment.code_version,
       (figure.value #>> '{}')::numeric(7,4) AS value,
       (lag(figure.value) OVER series #>> '{}')::numeric(7,4) AS previous,
       ((figure.value #>> '{}')::numeric - (lag(figure.value) OVER series #>> '{}')::numeric)::numeric(7,4) AS change,
       (experiment.data_fingerprint = lag(experiment.data_fingerprint) OVER series) IS TRUE AS is_same_data
FROM prediction_experiments AS experiment
CROSS JOIN LATERAL jsonb_each(experiment.metrics) AS figure
WHERE figure.key IN ('top1', 'macro_f1', 'top3', 'coverage', 'precision', 'calibration_error')
  AND jsonb_typeof(figure.value) = 'number'
WINDOW series AS (PARTITION BY experiment.kind, experiment.settings, figure.key ORDER BY experiment.started_at, experiment.id);
