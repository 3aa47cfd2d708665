"""The models that were learned: which one is in use, how good each is, and a way forward and back.

Figures are those of the products held out while learning: top-1 is the share decided right; coverage the share with a
confidence at the threshold (CATALOGD_THRESHOLD) or above, and precision the share of these that is right; ECE is the
expected calibration error. Running instances take up a change with their next slice.
"""

import argparse

HELP = "list, compare, promote and roll back what was learned"
EXAMPLE = "catalogd models list"
ROLE = "catalogd_operator"

VERBS = {
    "list": ("all that are kept, oldest first", "catalogd models list --json"),
    "compare": ("two of them, on the products that both have judged", "catalogd models compare 3 4"),
    "promote": ("put one into use", "catalogd models promote 4"),
    "rollback": ("take the one in use back; the one promoted before is in use again", "catalogd models rollback"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (help, example) in VERBS.items():
        verb = verbs.add_parser(
            name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=f"example: {example}"
        )
        if name == "compare":
            verb.add_argument("a", type=int, metavar="A", help="a version")
            verb.add_argument("b", type=int, metavar="B", help="the version in question")
        if name == "promote":
            verb.add_argument("version", type=int, metavar="VERSION", help="as catalogd models list shows it")
        if name in ("promote", "rollback"):
            verb.set_defaults(role="catalogd_runtime")
        verb.add_argument("--json", action="store_true", help="JSON for scripts")


def act(options: argparse.Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    from daemon.commands.connection import connected
    from daemon.sessions import name_instance
    from daemon.settings import read_settings
    from daemon.terminal.versions import as_json, show_comparison, show_versions
    from daemon.terminal.words import for_json
    from daemon.workloads.categorization.versions.choice import compare_versions, promote, roll_back
    from daemon.workloads.categorization.versions.store import Actor, list_versions

    actor = Actor("operator", name_instance())
    with connected("models") as conn:
        match options.verb:
            case "list":
                versions = list_versions(conn)
                if options.json:
                    sys.stdout.write(json.dumps([as_json(version) for version in versions], default=for_json) + "\n")
                elif not versions:
                    sys.stdout.write("nothing was learned yet: run catalogd learn\n")
                else:
                    show_versions(versions)
            case "compare":
                compared = compare_versions(conn, options.a, options.b, read_settings().threshold)
                if options.json:
                    sys.stdout.write(json.dumps(asdict(compared)) + "\n")
                else:
                    show_comparison(compared)
            case "promote":
                before = promote(conn, options.version, actor)
                found: dict[str, object] = {"current": options.version, "before": before}
                sentence = f"model {options.version} is in use" + (
                    f", no longer model {before}" if before not in (None, options.version) else ""
                )
                sys.stdout.write((json.dumps(found) if options.json else sentence) + "\n")
            case "rollback":
                withdrawn, current = roll_back(conn, actor)
                found = {"current": current, "before": withdrawn}
                sentence = f"model {withdrawn} was taken back, model {current} is in use again"
                sys.stdout.write((json.dumps(found) if options.json else sentence) + "\n")
    return 0
