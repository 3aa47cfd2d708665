-- How far imports are, and whose lists they are.
SELECT import.id,
       supplier.name AS supplier,
       coalesce(import.phase, '') AS phase,
       coalesce(import.phase_percent, 0) AS phase_percent,
       import.failed_phase
FROM supplier_imports AS import
LEFT JOIN suppliers AS supplier ON supplier.id = import.supplier_id
WHERE import.id = ANY(%(import_ids)s::bigint[])
