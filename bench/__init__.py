"""Measurements. They print what they saw; none of them is a test."""
