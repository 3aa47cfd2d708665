"""Matching: which product of the catalogue a line of a price list offers, how sure, and why. Knows no database."""
