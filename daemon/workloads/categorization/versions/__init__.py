"""The models of a shop: what was learned when, which one is in use, and whether a new one may take its place."""
