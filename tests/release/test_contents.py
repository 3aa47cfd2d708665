"""What the published files hold: nothing of the repository is forgotten, nothing else gets in."""

from tests.support.published import Published

NOT_PUBLISHED = (".ci/", ".gitignore")
MADE = ("PKG-INFO", "setup.cfg", "catalogd.egg-info/")
LINK = "daemon/migrations"  # to migrations/; a real folder in what is published
SHARED = {  # what belongs to no module, and where it is installed
    "docs/roles.sql": "share/catalogd/roles.sql",
    "man/": "share/man/man1/",
    "monitoring/": "share/catalogd/monitoring/",
    "php/": "share/catalogd/php/",
    "systemd/": "share/catalogd/systemd/",
}


def test_the_sdist_is_the_repository(published: Published) -> None:
    expected = {name for name in published.repository if not name.startswith(NOT_PUBLISHED)} - {LINK}
    held = {name for name in published.in_sdist() if not name.startswith(MADE)}
    assert held == expected | migrations(published)


def test_the_wheel_is_the_program_and_what_belongs_to_it(published: Published) -> None:
    program = {name for name in published.repository if name.startswith("daemon/")} - {LINK}
    held = {name for name in published.in_wheel() if ".dist-info/" not in name}
    assert {name for name in held if ".data/" not in name} == program | migrations(published)
    shared = {name.partition(".data/data/")[2] for name in held if ".data/" in name}
    assert shared == {
        target + name.removeprefix(origin)
        for name in published.repository
        for origin, target in SHARED.items()
        if name.startswith(origin)
    }


def test_each_kind_is_where_it_is_looked_for(published: Published) -> None:
    """By example, as what both sides of a comparison lack is not missed."""
    named = published.wheel.name.rpartition("-py3")[0]
    assert published.in_wheel() >= {
        "daemon/cli.py",
        "daemon/engine/sql/claim.sql",
        "daemon/demo/trade.toml",
        "daemon/installation/shell/lay.sh",
        "daemon/migrations/0001-create-adoption-helpers.sql",
        "daemon/migrations/0001-create-adoption-helpers.rollback.sql",
        "daemon/web/templates/overview.html",
        "daemon/web/static/page.css",
        f"{named}.data/data/share/catalogd/roles.sql",
        f"{named}.data/data/share/catalogd/systemd/catalogd.service",
        f"{named}.dist-info/licenses/LICENSE",
    }


def migrations(published: Published) -> set[str]:
    """Where the link's files are in what is published."""
    return {f"daemon/{name}" for name in published.repository if name.startswith("migrations/")}
