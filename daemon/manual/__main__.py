"""`python -m daemon.manual FILE` writes the manual page."""

import sys
from pathlib import Path

from daemon.cli import build_parser
from daemon.manual.page import write_page
from daemon.workloads.registry import settings_groups

Path(sys.argv[1]).write_text(write_page(build_parser(), settings_groups()), encoding="ascii")
