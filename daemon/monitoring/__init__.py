"""What the daemon shows of itself to machines: figures for Prometheus, and whether it is alive and ready."""
