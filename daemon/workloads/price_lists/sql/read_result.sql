-- How an import came out. Items are gone by it that no later list has brought back.
SELECT import.id,
       supplier.name AS supplier,
       import.status,
       import.phase,
       import.failed_phase,
       import.error_message,
       greatest(extract(epoch FROM coalesce(import.completed_at, now()) - import.created_at), 0)::float8 AS duration_s,
       import.total_lines AS total,
       import.success_lines AS success,
       import.error_lines AS errors,
       coalesce(summary.linked, 0) AS linked,
       coalesce(summary.confirmed, 0) AS confirmed,
       coalesce(summary.review, 0) AS review,
       coalesce(summary.draft, 0) AS draft,
       coalesce(summary.new, 0) AS new,
       coalesce(summary.changed, 0) AS changed,
       (
           SELECT count(*)
           FROM supplier_items AS item
           WHERE item.supplier_id = import.supplier_id
             AND item.last_import_id = import.id
             AND item.gone_at IS NOT NULL
       ) AS gone,
       coalesce(import.detected, '{{}}') AS detected
FROM supplier_imports AS import
LEFT JOIN suppliers AS supplier ON supplier.id = import.supplier_id
LEFT JOIN supplier_import_summary AS summary ON summary.import_id = import.id
WHERE import.id = %(import_id)s
