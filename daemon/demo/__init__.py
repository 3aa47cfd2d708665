"""The demonstration: a private server, a sample shop, and the daemon at work on it."""
