-- The newest version, whether it is in use or not: what has changed since then decides about the next.
SELECT products,
       label_digests,
       learned_at < now() - %(a_while)s::interval OR learned_at > now() AS is_long_ago
FROM categorization_models
ORDER BY version DESC
LIMIT 1
