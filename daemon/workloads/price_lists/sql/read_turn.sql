-- The lists of a supplier are read in the order of their imports. Whether an earlier one has to be waited for: it is being
-- matched, or prepared, but not if its last step has failed, or a service reads it, which may take for ever. And the newest
-- later one that has been read meanwhile.
SELECT EXISTS (
           SELECT
           FROM supplier_imports AS earlier
           LEFT JOIN batch_preparations AS preparation
             ON preparation.workload = 'price-lists'
            AND preparation.batch_id = earlier.id
           WHERE earlier.supplier_id = import.supplier_id
             AND earlier.id < import.id
             AND (earlier.status = 'processing'
                  OR earlier.status = 'pending'
                     AND coalesce(preparation.tries, 0) = 0
                     AND coalesce(earlier.ml_job ->> 'is_fetched', 'true') <> 'false')
       ) AS has_to_wait,
       (
           SELECT max(later.id)
           FROM supplier_imports AS later
           WHERE later.supplier_id = import.supplier_id
             AND later.id > import.id
             AND later.status IN ('pending', 'processing', 'completed')
             AND later.phase IN ('matching', 'complete')
             AND coalesce(later.detected, '{{}}') ->> 'unchanged_since_import' IS NULL
             AND coalesce(later.detected, '{{}}') ->> 'overtaken_by_import' IS NULL
       ) AS overtaken_by
FROM supplier_imports AS import
WHERE import.id = %(import_id)s
