"""Evidence from parts of the words of a product's name."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.words import LONGEST_WORD

SIZES = (3, 4)  # letters of a part
BEGIN, END = "<", ">"


class NameLetters:
    """Runs of letters: words never seen before share them with words that were ("screws", "Schraubendreher").

    Half as loud as the words themselves: it is to speak where they are silent.
    """

    name = "name_letters"
    label = "Parts of words in the name"
    field = "name"
    length = 0.5
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[str]:
        """The words that tell what the product is."""
        return reading.telling

    def features(self, token: str) -> Sequence[str]:
        """Each run of SIZES letters; BEGIN and END stand for the ends of the word."""
        word = f"{BEGIN}{token[:LONGEST_WORD]}{END}"
        return [word[start : start + size] for size in SIZES for start in range(len(word) - size + 1)]

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """Such as “mosf…”, “…fet”."""
        begin = "" if feature.startswith(BEGIN) else "…"
        end = "" if feature.endswith(END) else "…"
        return f"“{begin}{feature.removeprefix(BEGIN).removesuffix(END)}{end}”"
