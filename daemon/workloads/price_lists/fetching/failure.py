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
