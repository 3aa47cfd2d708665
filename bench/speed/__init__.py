"""How fast: catalogd beside its limits, a naive script and other queues, on the same work in one run."""
