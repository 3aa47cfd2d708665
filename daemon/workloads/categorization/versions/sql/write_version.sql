-- Promoted is promoted last, whatever the clock says.
INSERT INTO categorization_models (products, categories, report, content, promoted_at, fingerprint, settings,
                                   catalogd_version, label_digests, judged_products, judged_codes, judged_confidences)
SELECT %(products)s,
       %(categories)s,
       %(report)s,
       %(content)s,
       CASE WHEN %(is_promoted)s THEN greatest(clock_timestamp(), max(promoted_at) + interval '1 microsecond') END,
       %(fingerprint)s,
       %(settings)s,
       %(catalogd_version)s,
       %(label_digests)s::bigint[],
       %(judged_products)s::bigint[],
       %(judged_codes)s::text[],
       %(judged_confidences)s::real[]
FROM categorization_models
RETURNING version
