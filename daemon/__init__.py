"""catalogd: the daemon that does the slow work of a product catalogue on Postgres."""

__version__ = "0.2.0.dev0"  # the one place; pyproject.toml reads it here
