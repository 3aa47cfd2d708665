-- Batches whose preparation goes on at a later moment, such as when a reading service may have done its part: nobody has
-- them in hand, and somebody takes care of them.
SELECT workload,
       batch_id
FROM batch_preparations
WHERE run_after > now()
