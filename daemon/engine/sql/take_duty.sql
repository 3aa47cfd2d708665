-- The duty that has been due for longest: who moves its due time forward acts. A time that lies further ahead than the
-- period comes from a clock that was put back, or from a longer period; by the clock of this very moment, for since this
-- statement began another instance may have moved it.
WITH known AS (
    SELECT name, every
    FROM unnest(%(names)s::text[], %(periods)s::interval[]) AS known (name, every)
), due AS (
    SELECT duty.name, known.every
    FROM catalogd_duties AS duty
    JOIN known ON known.name = duty.name
    WHERE duty.due_at <= now() OR duty.due_at > clock_timestamp() + known.every
    ORDER BY duty.due_at, duty.name
    LIMIT 1
    FOR NO KEY UPDATE OF duty SKIP LOCKED
)
UPDATE catalogd_duties AS duty
SET due_at = now() + due.every,
    started_at = now(),
    instance = %(instance)s
FROM due
WHERE duty.name = due.name
RETURNING duty.name, duty.failures
