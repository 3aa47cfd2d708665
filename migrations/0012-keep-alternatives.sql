-- depends: 0011-keep-items-uncompressed
-- What else a product might be, and how much of it the model had never seen: for people who decide, and for the drift.
SET LOCAL lock_timeout = '3s';
ALTER TABLE predictions
    ADD COLUMN IF NOT EXISTS alternatives jsonb,
    ADD COLUMN IF NOT EXISTS unknown_share numeric(4,3),
    ADD COLUMN IF NOT EXISTS unknown_manufacturer boolean;
