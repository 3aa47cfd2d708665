"""The command line: parses, sets up the logs, turns errors into one sentence and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from daemon import __version__
from daemon.errors import DaemonError

COMMANDS = (
    *("run", "doctor", "migrate", "partition", "grants", "learn", "models", "evaluate", "import", "import-prices"),
    "sync-suppliers",
    "install",
    *("status", "tail", "errors", "explain", "precision", "rules", "retry", "cancel", "web", "demo", "completion"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 usage, 78 configuration or schema is wrong."""
    return _act(build_parser().parse_args(list(sys.argv[1:] if argv is None else argv)))


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. Each command is given it as `parser` among its options: some describe it."""
    parser = argparse.ArgumentParser(
        prog="catalogd",
        description="Does the slow work of a product catalogue: PHP inserts a batch into Postgres, catalogd treats it.",
        epilog="example: DATABASE_URL=postgresql://catalogd@127.0.0.1/shop catalogd run",
    )
    parser.add_argument("--version", action="version", version=f"catalogd {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"daemon.commands.{_module_of(name)}")
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(act=module.act, role=getattr(module, "ROLE", None), parser=parser)
    return parser


def _module_of(command: str) -> str:
    return "import_" if command == "import" else command.replace("-", "_")


def _act(options: argparse.Namespace) -> int:
    try:
        code: int = options.act(options)
    except DaemonError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:  # `catalogd errors 7 | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from daemon.commands.trouble import explain_trouble

        sentence = explain_trouble(error, options.role)
        if sentence is None:
            raise
        return _fail(sentence, 1)
    return code


def _fail(sentence: str, exit_code: int) -> int:
    sys.stderr.write(f"catalogd: {sentence}\n")
    return exit_code
