-- The one promoted before is in use again.
UPDATE categorization_models
SET promoted_at = NULL,
    withdrawn_at = now()
WHERE version = %(version)s
