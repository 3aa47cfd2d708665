"""One module for each check; the order is in registry.py."""
