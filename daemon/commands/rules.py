"""List the rules that people wrote (category_rules), or try one out on the catalogue before it is used.

A rule is a regular expression in RE2's syntax, looked for in one field of a product: sku, name, manufacturer,
part_number, description, or attributes, where each is a line "key: value". Case does not matter, unless it says (?-i).
It speaks for its category with a weight in log-odds (4 is strong, 1 a hint), and against it with a weight below 0. For
a category that the model has not learned yet, 12 and more will do.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg import Connection

    from daemon.workloads.categorization.rules.rule import Rule
    from daemon.workloads.categorization.rules.trial import Suggest

HELP = "rules that people write: list them, try one out"
EXAMPLE = r"catalogd rules test --field name --pattern '\bhammer' --category hammers"
ROLE = "catalogd_operator"

SECONDS = 60.0
DEFAULT_WEIGHT = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="every rule, and what is wrong with it",
        description="Every rule, and what is wrong with those that the daemon passes over.",
        epilog="example: catalogd rules list --json",
    )
    listing.add_argument("--json", action="store_true", help="an array of objects")
    trial = actions.add_parser(
        "test",
        help="try one out on the catalogue; nothing is changed",
        description="Try a rule out on the catalogue: what it matches, how often it is right, what it would change. "
        "Nothing is changed.",
        epilog=f"example: {EXAMPLE}; catalogd rules test 12 --json",
    )
    trial.add_argument("id", type=int, nargs="?", metavar="ID", help="a rule of the table, active or not")
    trial.add_argument("--field", metavar="FIELD", help="where to look, instead of an ID")
    trial.add_argument("--pattern", metavar="PATTERN", help="what to look for")
    trial.add_argument("--category", metavar="CODE", help="the category that it speaks for, or against")
    trial.add_argument("--weight", type=float, metavar="W", help=f"log-odds, -20 to 20 (default: {DEFAULT_WEIGHT:g})")
    trial.add_argument("--limit", type=positive, metavar="N", help="look at so many products (default: all)")
    trial.add_argument(
        "--seconds", type=seconds, default=SECONDS, metavar="S", help=f"stop after so long (default: {SECONDS:g})"
    )
    trial.add_argument("--json", action="store_true", help="a JSON object")


def positive(text: str) -> int:
    """For argparse: a number of products."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:19]) < 2**62:
        raise argparse.ArgumentTypeError("a whole number from 1 is wanted")
    return int(text)


def seconds(text: str) -> float:
    """For argparse: a time to work."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("a number of seconds is wanted, at most a day")
    return value


def act(options: argparse.Namespace) -> int:
    from daemon.commands.connection import connected

    with connected("rules") as conn:
        return _list(conn, options) if options.action == "list" else _test(conn, options)


def _list(conn: "Connection", options: argparse.Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    from daemon.workloads.categorization.explanation import one_line
    from daemon.workloads.categorization.rules.current import MOST_RULES, TOO_MANY, find_problems
    from daemon.workloads.categorization.rules.store import list_rules, read_active
    from daemon.workloads.categorization.store import read_taxonomy

    active = read_active(conn, MOST_RULES)
    problems = find_problems(active, read_taxonomy(conn))
    looked_at = set(active)
    write, is_first = sys.stdout.write, True
    for rule in list_rules(conn):
        problem = problems.get(rule) if rule in looked_at or not rule.is_active else TOO_MANY
        if options.json:
            write(("[" if is_first else ",\n ") + json.dumps(asdict(rule) | {"problem": problem}))
        else:
            state = f"passed over: {problem}" if problem else "active" if rule.is_active else "off"
            cells = (str(rule.id), state, f"{rule.weight:+g}", rule.category_code, rule.field, rule.pattern, rule.note)
            write("\t".join(map(one_line, cells)) + "\n")
        is_first = False
    if options.json:
        write("[]\n" if is_first else "]\n")
    elif is_first:
        write("there are no rules: PHP writes them into category_rules\n")
    return 0


def _test(conn: "Connection", options: argparse.Namespace) -> int:
    import json
    import sys
    from contextlib import closing

    from daemon.errors import UsageError
    from daemon.terminal.trials import as_json, as_text
    from daemon.workloads.categorization.rules.rule import size_of
    from daemon.workloads.categorization.rules.store import stream_products
    from daemon.workloads.categorization.rules.trial import TooSlow, try_out
    from daemon.workloads.categorization.store import read_taxonomy

    rule = _rule_of(conn, options)
    taxonomy = read_taxonomy(conn)
    try:
        size_of(rule)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if rule.category_code not in taxonomy:
        raise UsageError(f"the shop has no category {rule.category_code}")
    version, suggest = _suggester(conn, rule)
    try:
        with closing(stream_products(conn, options.limit)) as products:
            trial = try_out(products, rule, options.seconds, suggest)
    except TooSlow as error:
        raise UsageError(f"the daemon would leave this rule out: {error}") from error
    if options.json:
        sys.stdout.write(json.dumps(as_json(rule, trial, version)) + "\n")
    else:
        sys.stdout.write("\n".join(as_text(rule, taxonomy.label_of(rule.category_code), trial, version)) + "\n")
    return 0


def _rule_of(conn: "Connection", options: argparse.Namespace) -> "Rule":
    """The rule of the table, or the one that the options describe. Raises UsageError."""
    from daemon.errors import UsageError
    from daemon.workloads.categorization.rules.rule import FIELDS, MOST_WEIGHT, Rule
    from daemon.workloads.categorization.rules.store import read_rule

    described = (options.field, options.pattern, options.category)
    if options.id is not None:
        if any(part is not None for part in (*described, options.weight)):
            raise UsageError("give an ID, or --field, --pattern and --category, not both")
        found = read_rule(conn, options.id)
        if found is None:
            raise UsageError(f"there is no rule {options.id}; see: catalogd rules list")
        return found
    if any(part is None for part in described):
        raise UsageError("give the ID of a rule, or all of --field, --pattern and --category")
    if options.field not in FIELDS:
        raise UsageError(f"--field: {options.field} is none of {', '.join(FIELDS)}")
    weight = DEFAULT_WEIGHT if options.weight is None else options.weight
    if not 0 < abs(weight) <= MOST_WEIGHT:
        raise UsageError(f"--weight: from -{MOST_WEIGHT:g} to {MOST_WEIGHT:g} and not 0")
    return Rule(0, options.field, options.pattern, options.category, weight)


def _suggester(conn: "Connection", rule: "Rule") -> "tuple[int | None, Suggest | None]":
    """The model in use with the other rules in use; nothing where none can be used."""
    from daemon.settings import read_settings
    from daemon.workloads.categorization.rules.current import MOST_RULES, find_problems
    from daemon.workloads.categorization.rules.matching import Matcher
    from daemon.workloads.categorization.rules.store import read_active
    from daemon.workloads.categorization.rules.trial import suggester
    from daemon.workloads.categorization.store import read_model, read_model_version, read_taxonomy

    version = read_model_version(conn)
    if version is None:
        return None, None
    try:
        model = read_model(conn, version)
    except ValueError:
        return None, None
    taxonomy = read_taxonomy(conn)
    active = read_active(conn, MOST_RULES)
    problems = find_problems(active, taxonomy)
    others = Matcher([other for other in active if other not in problems and other.id != rule.id])
    return version, suggester(model, taxonomy, others, read_settings().silent)
