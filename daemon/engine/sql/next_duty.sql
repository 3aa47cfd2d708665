-- Seconds until the next of these duties is due, or since then; NULL when there is none.
SELECT extract(epoch FROM min(least(duty.due_at, now() + known.every)) - now())::float8
FROM catalogd_duties AS duty
JOIN unnest(%(names)s::text[], %(periods)s::interval[]) AS known (name, every) ON known.name = duty.name
