INSERT INTO prediction_experiments (kind, settings, data_fingerprint, model_version, code_version, learned_products,
                                    metrics, started_at, note)
VALUES (%(kind)s, %(settings)s, %(fingerprint)s, %(model_version)s, %(code_version)s, %(learned)s,
        %(metrics)s, now() - %(duration)s, %(note)s)
RETURNING id
