-- Batches under way that have predictions in a partition: what is done would be done again.
SELECT batch.id
FROM categorization_batches AS batch
WHERE batch.status IN ('pending', 'processing')
  AND EXISTS (SELECT FROM {partition} AS prediction WHERE prediction.batch_id = batch.id)
ORDER BY batch.id
