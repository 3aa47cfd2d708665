-- Promoted is promoted last, whatever the clock says.
UPDATE categorization_models
SET promoted_at = greatest(clock_timestamp(),
                           (SELECT max(promoted_at) + interval '1 microsecond' FROM categorization_models)),
    withdrawn_at = NULL
WHERE version = %(version)s
