"""The queue machinery: plans, claims, locks, settles. Does not know what an item means."""
