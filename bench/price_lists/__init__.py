"""Price lists: how fast they are read."""
