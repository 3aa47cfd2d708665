"""Predictions and evidence in partitions: made, extended, and detached when they are old."""
