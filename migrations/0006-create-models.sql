-- depends: 0005-create-slices
-- What was learned from the shop's own data, a row for each time; the newest is in use.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS categorization_models (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learned_at timestamptz NOT NULL DEFAULT now(),
    products bigint NOT NULL,
    categories integer NOT NULL,
    report jsonb NOT NULL,
    content bytea NOT NULL
);
DO $$
BEGIN
    PERFORM catalogd_require_columns('categorization_models',
        ARRAY['version', 'learned_at', 'products', 'categories', 'report', 'content'],
        'DROP TABLE categorization_models, migrate, then run "catalogd learn"');
END
$$;
ALTER TABLE categorization_models ALTER COLUMN content SET STORAGE EXTERNAL;
