"""What is to be done for price lists apart from imports."""

from collections.abc import Sequence

from daemon.engine.workload import Duty
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.settings import PriceListSettings
from daemon.workloads.price_lists.suppliers.sync import sync_duty
from daemon.workloads.price_lists.tidying.duty import tidying_duty


def build_duties(settings: PriceListSettings, shelf: Shelf) -> Sequence[Duty]:
    """Suppliers are synced where a sheet is named."""
    duties = [tidying_duty(shelf)]
    if settings.suppliers_sheet:
        duties.append(sync_duty(settings.suppliers_sheet, settings.sync_every, shelf, settings.limits))
    return duties
