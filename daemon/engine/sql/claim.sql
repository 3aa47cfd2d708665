-- Claim the next slice, and with a tiny one its tiny neighbours, to be treated in one transaction. A slice that was tried
-- before goes alone, so that one that kills its worker takes no other with it. Times that lie in the future by more than
-- the code ever sets come from a clock that was put back. The claim may be lost in a crash of the server, so its commit
-- need not wait for the disk.
--
-- A claimed slice that nobody has locked, past the grace, lost its worker, if no session of the claimer's instance is left
-- (behind a pooler none has its name; others' roles may call themselves what they like). Otherwise the claimer is only
-- slow, or frozen, and others leave it alone for as long as anybody may be silent.
--
-- A claim that this very instance made a short while ago, or that is older than the server's own start, was not lost by
-- the death of a process: that attempt does not count. (Where a hand in the table wrote more attempts than can be counted,
-- they are as many as that slice may have; an error here would hold up the whole queue.)
WITH front AS (
    SELECT id, priority, turn, item_count, attempts
    FROM batch_slices
    WHERE workload = %(workload)s
      AND (run_after IS NULL OR run_after NOT BETWEEN now() AND now() + %(longest_delay)s)
      AND (claimed_at IS NULL OR (
          claimed_at NOT BETWEEN now() - %(grace)s AND now() + %(grace)s
          AND (split_part(claimed_by, '/', 1) = %(instance)s
               OR claimed_at NOT BETWEEN now() - %(frozen)s AND now() + %(frozen)s
               OR 'catalogd ' || split_part(claimed_by, '/', 1) NOT IN (
                   SELECT application_name
                   FROM pg_stat_activity
                   WHERE datname = current_database()
                     AND usename = current_user
                     AND application_name IS NOT NULL
               ))
      ))
    ORDER BY priority DESC, turn, id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), neighbour AS (
    SELECT id, item_count
    FROM batch_slices
    WHERE workload = %(workload)s
      AND priority = (SELECT priority FROM front)
      AND turn BETWEEN (SELECT turn FROM front) AND (SELECT turn FROM front)
      AND id > (SELECT id FROM front)
      AND (SELECT attempts = 0 AND item_count <= %(tiny)s::int FROM front)
      AND attempts = 0
      AND item_count <= %(tiny)s::int
      AND claimed_at IS NULL
      AND run_after IS NULL
    ORDER BY turn, id
    LIMIT %(slice_size)s::int - 1
    FOR NO KEY UPDATE SKIP LOCKED
), chosen AS (
    SELECT id
    FROM front
    UNION ALL
    SELECT id
    FROM (SELECT id, sum(item_count) OVER (ORDER BY id) AS items_so_far FROM neighbour) AS counted
    WHERE items_so_far <= %(slice_size)s::int - %(tiny)s::int
), claimed AS (
    UPDATE batch_slices AS slice
    SET claimed_at = clock_timestamp(),
        claimed_by = %(worker)s,
        attempts = least(slice.attempts, 32000) + CASE
            WHEN split_part(slice.claimed_by, '/', 1) = %(instance)s
             AND slice.claimed_at > now() - %(frozen)s THEN 0
            WHEN slice.claimed_at < pg_postmaster_start_time()
             AND pg_postmaster_start_time() <= now() THEN 0
            ELSE 1
        END
    FROM chosen
    WHERE slice.id = chosen.id
    RETURNING slice.id, slice.batch_id, slice.attempts, slice.item_count
)
SELECT claimed.*
FROM claimed,
     (SELECT set_config('synchronous_commit', 'off', true) OFFSET 0) AS cheap_commit
ORDER BY claimed.id
