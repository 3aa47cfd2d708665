"""The tests mirror the package; see conftest.py for the servers they run on."""
