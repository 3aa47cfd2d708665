"""Evidence from a product's attributes, whatever JSON they are."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.words import shape_of


class Attributes:
    """The keys, the values with their keys, these with each number as `#`, and the words of longer values."""

    name = "attributes"
    label = "Attributes"
    field = "attributes"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[tuple[str, str]]:
        """Keys and values."""
        return reading.attributes

    def features(self, token: tuple[str, str]) -> Sequence[str]:
        """At most three, and one for each word of the value."""
        key, value = token[0].strip().lower(), token[1].strip().lower()
        seen = [key] if key else []
        if value:
            seen.append(f"{key}={value}")
            shape = shape_of(value)
            if "#" in shape:
                seen.append(f"{key}={shape}")
            if " " in value:
                seen += [f"{key}~{word}" for word in value.split()]
        return seen

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """Such as "color = red", "color with “red”", "has color"; `#` stands for any number."""
        key, equals, value = feature.partition("=")
        if equals:
            return f"{key} = {value}" if key else value
        key, tilde, word = feature.partition("~")
        return f"{key} with “{word}”" if tilde else f"has {key}"
