"""Print what completes catalogd's commands and options in a shell.

bash:  catalogd completion bash > ~/.local/share/bash-completion/completions/catalogd
zsh:   catalogd completion zsh > "${fpath[1]}/_catalogd"
tcsh:  catalogd completion tcsh > ~/.catalogd.tcsh, and in ~/.tcshrc: source ~/.catalogd.tcsh
"""

import argparse

HELP = "what completes commands and options in bash, zsh or tcsh"
EXAMPLE = "catalogd completion bash > ~/.local/share/bash-completion/completions/catalogd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="for which shell")


def act(options: argparse.Namespace) -> int:
    import sys

    import shtab

    sys.stdout.write(shtab.complete(options.parser, options.shell) + "\n")
    return 0
