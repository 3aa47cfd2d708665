"""Suggests a category for each product of a batch, with a calibrated confidence and the evidence for it."""
