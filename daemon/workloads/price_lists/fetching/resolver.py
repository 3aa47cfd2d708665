"""Run as a program of its own: the addresses of a host, one a line; exit code 1 when it is not known.

Nothing can interrupt the system's resolver, which may wait for half a minute. A process can be ended.
"""

import socket
import sys


def main() -> int:
    try:
        found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return 1
    sys.stdout.writelines(f"{address[0]}\n" for *_, address in found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
