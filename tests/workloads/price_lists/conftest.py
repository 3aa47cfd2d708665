"""A shop whose suppliers send lists."""
