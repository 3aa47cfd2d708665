"""`python -m daemon` is `catalogd`."""

import sys

from daemon.cli import main

sys.exit(main())
