-- An import without its lines is not ready any more: set back, it is prepared anew.
DELETE FROM batch_preparations
WHERE workload = 'price-lists'
  AND batch_id = %(import_id)s
