SET LOCAL lock_timeout = '3s';
ALTER TABLE predictions
    DROP COLUMN IF EXISTS alternatives,
    DROP COLUMN IF EXISTS unknown_share,
    DROP COLUMN IF EXISTS unknown_manufacturer;
