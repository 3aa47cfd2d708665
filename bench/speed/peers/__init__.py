"""One adapter for each peer. They run in .venv-bench, or in node, and see nothing of catalogd."""
