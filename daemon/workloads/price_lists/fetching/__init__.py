"""Fetching: a supplier's file, from wherever it is, onto the shelf, whatever the network does."""
