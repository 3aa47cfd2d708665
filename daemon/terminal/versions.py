"""Versions of the model as `catalogd models` shows them."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from daemon.terminal.console import open_console
from daemon.workloads.categorization.versions.choice import Compared
from daemon.workloads.categorization.versions.store import Version


def as_json(version: Version) -> dict[str, object]:
    """For scripts; the figures are None for a version of a catalogd that did not keep them."""
    figures = _judged(version)
    promotion = version.report.get("promotion")
    return {
        "version": version.version,
        "state": version.state,
        "learned_at": version.learned_at,
        "promoted_at": version.promoted_at,
        "withdrawn_at": version.withdrawn_at,
        "products": version.products,
        "categories": version.categories,
        "catalogd_version": version.catalogd_version,
        "fingerprint": version.fingerprint,
        "settings": version.settings,
        "judged": figures or None,
        "promotion": promotion,
    }


def show_versions(versions: Sequence[Version]) -> None:
    """A table on stdout, and why the ones that were kept back were."""
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "learned at", "products", "categories", "top-1", "coverage", "precision", "ECE"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for version in versions:
        figures = _judged(version)
        table.add_row(
            str(version.version),
            version.learned_at.strftime("%Y-%m-%d %H:%M"),
            f"{version.products:,}",
            f"{version.categories:,}",
            *(_share(figures.get(name)) for name in ("top1", "coverage", "precision")),
            _share(figures.get("calibration_error"), digits=4),
            version.state,
        )
    console = open_console()
    console.print(table)
    for version in versions:
        promotion = version.report.get("promotion")
        if version.state == "kept back" and isinstance(promotion, Mapping):
            console.print(f"model {version.version} was kept back: {promotion.get('why')}", markup=False, emoji=False)


def show_comparison(compared: Compared) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "top-1", "coverage", "precision", "ECE", "right alone"):
        table.add_column(heading, justify="right")
    comparison = compared.comparison
    for figures, alone in ((compared.a, comparison.only_a), (compared.b, comparison.only_b)):
        table.add_row(
            str(figures.version),
            *(_share(share) for share in (figures.top1, figures.coverage, figures.precision)),
            _share(figures.calibration_error, digits=4),
            f"{alone:,}",
        )
    console = open_console()
    console.print(table)
    console.print(
        f"on {compared.products:,} products that both have judged, model {compared.b.version} decides"
        f" {abs(comparison.difference):.2%} {'more' if comparison.difference >= 0 else 'fewer'} right"
        f" ({comparison.low:+.2%} to {comparison.high:+.2%} with 95 % certainty, p = {comparison.p_value:.3g})",
        markup=False,
    )


def _judged(version: Version) -> Mapping[str, object]:
    found = version.report.get("judged")
    return found if isinstance(found, Mapping) else {}


def _share(value: object, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float | int) else ""
