"""Look at everything that the daemon depends on, and say what mends each thing that is wrong. Nothing is changed.

Exit status: 0 if nothing must be mended, though there may be warnings; 1 if something must. Run it as the user, with
the role and the settings that the daemon has: it is these that are examined.
"""

import argparse

HELP = "what is wrong, and what mends it"
EXAMPLE = "catalogd doctor"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="a JSON object with an object for each finding")


def act(options: argparse.Namespace) -> int:
    import json
    import os
    import sys

    from daemon import __version__
    from daemon.commands.trouble import explain
    from daemon.doctor.examination import examine
    from daemon.doctor.patient import Patient
    from daemon.doctor.registry import CHECKS
    from daemon.doctor.report import as_json, print_results
    from daemon.terminal.console import open_console
    from daemon.workloads.registry import REGISTRY

    patient = Patient(environ=os.environ, kinds=[entry.describe() for entry in REGISTRY])
    results = examine(patient, CHECKS, explain)
    if options.json:
        found = list(results)
        page = {"version": __version__, "is_well": not any(each.is_wrong for each in found), "checks": as_json(found)}
        sys.stdout.write(json.dumps(page, default=str) + "\n")
    else:
        found = print_results(open_console(), results)
    return 1 if any(result.is_wrong for result in found) else 0
