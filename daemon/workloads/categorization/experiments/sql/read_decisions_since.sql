SELECT product_id,
       prediction_id,
       verdict,
       predicted_category_code AS predicted,
       right_category_code AS chosen,
       is_right,
       decided_at
FROM human_decisions
WHERE decided_at > %(since)s
ORDER BY product_id, decided_at, id
