-- A duty that nobody has seen before is due, and so is one that another version of catalogd was the last to know.
INSERT INTO catalogd_duties (name, catalogd_version)
SELECT name, %(version)s
FROM unnest(%(names)s::text[]) AS name
ON CONFLICT (name) DO UPDATE
SET due_at = now(),
    catalogd_version = excluded.catalogd_version
WHERE catalogd_duties.catalogd_version IS DISTINCT FROM excluded.catalogd_version
