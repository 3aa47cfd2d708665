-- Whether there is something to plan, something to treat, something to prepare, and anything open at all, though others
-- may hold it. The queue is asked in its order: without one, Postgres reads the table from its start, through all that
-- has been done.
SELECT EXISTS (
           SELECT
           FROM {batches}
           WHERE status = 'pending'
             AND (NOT %(is_prepared)s OR {batches}.retry_count >= %(retry_limit)s::int OR EXISTS (
                 SELECT
                 FROM batch_preparations AS preparation
                 WHERE preparation.workload = %(workload)s
                   AND preparation.batch_id = {batches}.id
                   AND preparation.is_ready
                   AND preparation.retry_count = coalesce({batches}.retry_count, 0)
             ))
       ) AS to_plan,
       (SELECT id
        FROM batch_slices
        WHERE workload = %(workload)s
        ORDER BY priority DESC, turn, id
        LIMIT 1) IS NOT NULL AS to_treat,
       EXISTS (SELECT FROM {batches} WHERE status = 'processing') AS processing,
       %(is_prepared)s AND EXISTS (SELECT FROM {batches} WHERE status = 'pending') AS preparing,
       %(is_prepared)s AND EXISTS (
           SELECT
           FROM {batches}
           LEFT JOIN batch_preparations AS preparation
             ON preparation.workload = %(workload)s
            AND preparation.batch_id = {batches}.id
           WHERE status = 'pending'
             AND coalesce({batches}.retry_count, 0) < %(retry_limit)s::int
             AND (preparation.is_ready IS NOT TRUE OR preparation.retry_count <> coalesce({batches}.retry_count, 0))
             AND (preparation.run_after IS NULL
                  OR preparation.run_after NOT BETWEEN now() AND clock_timestamp() + %(longest_delay)s)
             AND (preparation.kept_until IS NULL
                  OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + preparation.lease)
       ) AS to_prepare
