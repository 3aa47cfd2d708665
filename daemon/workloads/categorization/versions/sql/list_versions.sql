SELECT version,
       learned_at,
       products,
       categories,
       promoted_at,
       withdrawn_at,
       catalogd_version,
       fingerprint,
       settings,
       report,
       judged_products IS NOT NULL AS has_judgements,
       promoted_at IS NOT NULL
           AND row_number() OVER (ORDER BY promoted_at DESC NULLS LAST, version DESC) = 1 AS is_current
FROM categorization_models
ORDER BY version
