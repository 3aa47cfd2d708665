"""Print the SQL that makes five roles and gives each the least it needs: owner, runtime, PHP, operator and web.

Run it with psql before the first `catalogd migrate` and after each one. Nothing is connected to, nothing is changed.
"""

import argparse

HELP = "SQL that gives each role the least it needs"
EXAMPLE = "catalogd grants --php shop | psql -v ON_ERROR_STOP=1 shop"

ROLES = {
    "owner": "runs `catalogd migrate`",
    "runtime": "runs `catalogd run`, `learn`, `models`, `retry` and `cancel`",
    "php": "the shop",
    "operator": "reads: `catalogd status`, `tail`, `doctor`, `errors`, `explain`, `precision`, `rules`, `models list`",
    "web": "shows the page, `catalogd web`, on which people act",
}
LONGEST_NAME = 63  # bytes; Postgres cuts what is longer, and then means another role


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for role, task in ROLES.items():
        default = f"catalogd_{role}"
        parser.add_argument(
            f"--{role}", type=role_name, default=default, metavar="ROLE", help=f"{task} (default: {default})"
        )
    parser.add_argument(
        "--schema", type=name, default="public", metavar="SCHEMA", help="where the tables are (default: public)"
    )


def name(text: str) -> str:
    """For argparse: any name that Postgres can hold."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("a name in UTF-8 is wanted") from None
    if not 1 <= size <= LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"a name has from 1 to {LONGEST_NAME} bytes, not {size}")
    return text


def role_name(text: str) -> str:
    """For argparse: `public` means everyone to Postgres, even in quotes; `none` and `pg_...` are its own."""
    if text in ("public", "none") or text.startswith("pg_"):
        raise argparse.ArgumentTypeError(f"{text} is a name of Postgres' own, not a role's")
    return name(text)


def act(options: argparse.Namespace) -> int:
    import sys

    from psycopg import sql

    from daemon.database.statements import text_of
    from daemon.errors import UsageError

    names = {role: getattr(options, role) for role in ROLES}
    if len(set(names.values())) < len(names):
        raise UsageError("the five roles must be five: one that has two parts has the rights of both")
    literals = {word: sql.Literal(value) for word, value in (names | {"schema": options.schema}).items()}
    sys.stdout.write(sql.SQL(text_of("daemon.commands", "grants")).format(**literals).as_string())
    return 0
