-- depends: 0017-create-experiments
-- What the daemon does again and again, in one instance only: who moves a duty's due time forward acts. The database's
-- clock decides, and the times survive every restart.
SET LOCAL lock_timeout = '3s';
CREATE TABLE IF NOT EXISTS catalogd_duties (
    name text PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    error text,
    instance text,
    catalogd_version text
);
DO $$
BEGIN
    PERFORM catalogd_require_columns('catalogd_duties',
        ARRAY['name', 'due_at', 'started_at', 'finished_at', 'failures', 'error', 'instance', 'catalogd_version'],
        'DROP TABLE catalogd_duties, then migrate: every duty is then due at once');
END
$$;
COMMENT ON COLUMN catalogd_duties.finished_at IS 'when it was last done; a failure does not count';
COMMENT ON COLUMN catalogd_duties.failures IS 'in a row, since it was last done';
COMMENT ON COLUMN catalogd_duties.instance IS 'who began it last';
