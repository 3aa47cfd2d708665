"""catalogd: the daemon that does the slow work of a product catalogue on Postgres."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("catalogd")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
