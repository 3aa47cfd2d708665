-- depends: 0010-own-the-orders
-- A slice's ids live for seconds. To compress them took longer than all else of planning, and kept the rows large that
-- claims copy: out of line they are written once, and the rows beside are small.
SET LOCAL lock_timeout = '3s';
ALTER TABLE batch_slices ALTER COLUMN items SET STORAGE EXTERNAL;
ALTER TABLE batch_slices SET (
    toast.autovacuum_vacuum_scale_factor = 0.02,
    toast.autovacuum_vacuum_threshold = 200,
    toast.autovacuum_vacuum_cost_delay = 0
);
