"""What categorization adds to the page people look at: predictions with their evidence, decisions, models."""

from daemon.workloads.categorization.pages.decisions import approve, reject
from daemon.workloads.categorization.pages.models import ModelsPage
from daemon.workloads.categorization.pages.predictions import show_predictions
from daemon.workloads.pages import OwnPage, Pages


def open_pages() -> Pages:
    return Pages(
        package="daemon.workloads.categorization.pages",
        batch=show_predictions,
        own={"models": OwnPage("Models", ModelsPage().show)},
        acts={"approve": approve, "reject": reject},
    )
