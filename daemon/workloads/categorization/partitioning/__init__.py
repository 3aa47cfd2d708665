"""Predictions and evidence in partitions, by ranges of the prediction's id: made, extended, detached when they are old.

Ids come from a sequence, so that is by time. Each partition of predictions has one of evidence with the same bounds,
and the foreign key stands between the two, not between the tables as a whole: a check looks at one partition however
many there are, and a pair can leave together without a scan. The last pair is open at the top and normally empty: an
insert always finds its place. The acts are `conversion`, `extension`, `waiting` and `retention`.
"""
