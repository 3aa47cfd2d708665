"""Tidying up: what imports leave behind, on the shelf and in the database."""
