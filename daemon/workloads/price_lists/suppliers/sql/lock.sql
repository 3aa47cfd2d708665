-- Before anything is read: what another sync has ordered meanwhile is seen then.
SELECT pg_advisory_xact_lock(hashtext('catalogd suppliers'))
