"""A stand-in for the PHP shop: its tables, and a way to fill them. For the demo, the tests and a first look."""
