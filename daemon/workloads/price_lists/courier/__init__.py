"""Courier mode: an external service fetches a list, reads it, and hands back a table; the courier orders and asks."""
