"""What is raised when a list could not be fetched."""

from datetime import timedelta


class FetchFailed(Exception):
    """A list could not be fetched. `code` is stable, for programs; the message is a sentence for people.

    Neither holds credentials, nor anything that the server said.
    """

    def __init__(
        self, code: str, message: str, *, is_transient: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_transient = is_transient  # trying again later may help, without a person's doing
        self.retry_after = retry_after  # not before that, says the server


def private_network(host: str) -> FetchFailed:
    message = (
        f"{host} is inside a private network, and such addresses are not allowed here; if lists are to be fetched from"
        " it, name the network in CATALOGD_PRICE_LIST_NETWORKS"
    )
    return FetchFailed("address_refused", message)


def outside_of_folders() -> FetchFailed:
    message = (
        "the path of the list is in none of the folders that lists may be read from; if they are to be read from there,"
        " name the folder in CATALOGD_PRICE_LIST_SOURCES"
    )
    return FetchFailed("folder_refused", message)
