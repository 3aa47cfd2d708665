"""`catalogd doctor`: looks at everything the daemon depends on, and says for each thing that is wrong what mends it.

A check is one module of `checks/` with one line in `registry.py`. It only reads: whatever it does in the shop's
database is done in a transaction that may not write, and has a deadline.
"""
