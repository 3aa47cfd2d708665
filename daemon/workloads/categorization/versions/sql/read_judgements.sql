SELECT judged.product_id,
       judged.code,
       judged.confidence
FROM categorization_models AS model
CROSS JOIN LATERAL unnest(model.judged_products, model.judged_codes, model.judged_confidences)
    AS judged (product_id, code, confidence)
WHERE model.version = %(version)s
