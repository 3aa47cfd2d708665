-- People are asked, once for each item; the question follows the newest list.
INSERT INTO match_reviews AS review (supplier_item_id, import_id, score, candidates)
SELECT item_id, import_id, score, candidates
FROM unnest(%(item_ids)s::bigint[], %(import_ids)s::bigint[], %(scores)s::numeric[], %(candidates)s::jsonb[])
    AS asked (item_id, import_id, score, candidates)
ORDER BY item_id
ON CONFLICT (supplier_item_id) WHERE status = 'pending' DO UPDATE
SET score = excluded.score,
    candidates = excluded.candidates
WHERE (review.score, review.candidates) IS DISTINCT FROM (excluded.score, excluded.candidates)
