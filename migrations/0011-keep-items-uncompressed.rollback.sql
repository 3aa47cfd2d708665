SET LOCAL lock_timeout = '3s';
ALTER TABLE batch_slices RESET (
    toast.autovacuum_vacuum_scale_factor,
    toast.autovacuum_vacuum_threshold,
    toast.autovacuum_vacuum_cost_delay
);
ALTER TABLE batch_slices ALTER COLUMN items SET STORAGE EXTENDED;
