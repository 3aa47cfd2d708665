"""Evidence from how a part number begins and how it is built."""

import re
from collections.abc import Sequence
from string import ascii_uppercase, digits

from daemon.workloads.categorization.evidence.manufacturer import fold_manufacturer
from daemon.workloads.categorization.evidence.reading import Reading

LENGTH = 16  # letters and digits read of a part number
PREFIXES = (2, 3, 4, 5, 6, 8)  # characters
MAKER_PREFIXES = (1, 2, 3, 4, 5)  # characters, together with the manufacturer
BEGINS, FORM, MAKER = "^", "~", "|"

_NOISE = re.compile(r"[\W_]+")
_FORM = str.maketrans(ascii_uppercase + digits, "A" * len(ascii_uppercase) + "9" * len(digits))


class PartNumber:
    """Prefixes and forms, alone and with the manufacturer: products of one series share them.

    "BC547-B" begins with BC, BC5, BC54 ... and has the forms AA999A and A9A: A stands for a letter, 9 for a
    digit, in the second for a run of them.
    """

    name = "part_number"
    label = "Part number"
    field = "part_number"
    length = 1.0
    tokens_recur = False
    names_manufacturer = True

    def tokens(self, reading: Reading) -> Sequence[tuple[str, str]]:
        """The part number, if there is one, with the manufacturer."""
        return ((reading.part_number[: 4 * LENGTH], reading.manufacturer),) if reading.part_number else ()

    def features(self, token: tuple[str, str]) -> Sequence[str]:
        """BEGINS and a prefix, or FORM and a form; MAKER and the manufacturer may follow."""
        part_number = token[0].upper()
        if not part_number.isalnum():
            part_number = _NOISE.sub("", part_number)
        part_number = part_number[:LENGTH]
        if not part_number:
            return ()
        form = FORM + part_number.translate(_FORM)
        short_form = _shorten(form)
        size = len(part_number)
        seen = [BEGINS + part_number[:length] for length in PREFIXES if length <= size]
        seen += (form, short_form)
        manufacturer = fold_manufacturer(token[1])
        if manufacturer:
            maker = MAKER + manufacturer
            seen += [BEGINS + part_number[:length] + maker for length in MAKER_PREFIXES if length <= size]
            seen.append(short_form + maker)
        return seen

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """Such as "begins with BC54, Onsemi"."""
        seen, maker, _ = feature.partition(MAKER)
        words = f"begins with {seen[1:]}" if seen.startswith(BEGINS) else f"has the form {seen[1:]}"
        return f"{words}, {(manufacturer or '').strip()}" if maker else words


def _shorten(form: str) -> str:
    """The form with one sign for each run of letters and of digits."""
    for sign in "A9":
        while sign * 2 in form:
            form = form.replace(sign * 2, sign)
    return form
