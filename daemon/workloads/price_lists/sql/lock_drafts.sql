-- The drafts of these keys, which nobody decides on or drops before the commit. One that was accepted names the product that
-- it was made into.
SELECT draft_key,
       id,
       CASE WHEN status = 'accepted' THEN product_id END AS product_id
FROM product_drafts
WHERE draft_key = ANY(%(draft_keys)s)
ORDER BY draft_key
FOR SHARE
