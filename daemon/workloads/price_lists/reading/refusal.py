"""What makes a whole list unreadable."""


class ListUnreadable(Exception):
    """No line can be had from the file. `code` is stable, for programs; the message is a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
