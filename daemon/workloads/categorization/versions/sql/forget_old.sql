-- The newest stay, the one in use, and the one that a rollback returns to.
DELETE FROM categorization_models
WHERE version NOT IN (SELECT version FROM categorization_models ORDER BY version DESC LIMIT %(kept)s)
  AND version NOT IN (SELECT version
                      FROM categorization_models
                      WHERE promoted_at IS NOT NULL
                      ORDER BY promoted_at DESC, version DESC
                      LIMIT 2)
