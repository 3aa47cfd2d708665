-- When each was done last, when it is due, and what has failed since.
SELECT name,
       extract(epoch FROM now() - finished_at)::float8 AS done_s_ago,
       extract(epoch FROM due_at - now())::float8 AS due_in_s,
       failures,
       error
FROM catalogd_duties
ORDER BY name
