"""`python -m docs.generate`: writes the pages anew."""

from pathlib import Path

import psycopg

from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.database.pool import Session
from daemon.database.schema import migrate
from daemon.stand_in.schema import create_stand_in
from docs.generate.life import draw_life
from docs.generate.schema import read_schema, write_schema
from docs.generate.settings import write_settings

DOCS = Path(__file__).parents[1]


def write(name: str, text: str) -> None:
    (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write("settings.md", write_settings())
    write("images/life-of-a-batch.svg", draw_life())
    with EmbeddedServer(embedded_binaries()) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            create_stand_in(conn)
        migrate(Session(server.dsn(), "catalogd docs"))
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute((DOCS / "roles.sql").read_bytes())
            write("schema.md", write_schema(read_schema(conn)))
