"""The letters beyond ASCII that languages write, to tell which single-byte encoding a text is in."""

import re
from collections import Counter
from itertools import pairwise

# What a list may hold beside letters, in any language.
_SIGNS = frozenset("€£¥°²³µ×±½¼¾™®©§«»„“”‚‘’–—…•·№ \u00a0")

_WITHIN_WORDS = re.compile(r"(?<=[A-Za-z])[„“”‚‘…•§±°©®«»](?=[A-Za-z])")

_SMALL = (
    "äöüß",  # German
    "àâäçéèêëîïôœùûüÿæ",  # French
    "áéíñóúü¡¿ªºç",  # Spanish
    "ãõáéíóúâêôàçªºü",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "éëïèöüáóê",  # Dutch
    "åäöé",  # Swedish, Finnish
    "æøåéö",  # Danish, Norwegian
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîșțşţ",  # Romanian
    "čćđšž",  # Croatian, Slovene
    "çğıöşüİâ",  # Turkish
    "āčēģīķļņšūž",  # Latvian
    "ąčęėįšųūž",  # Lithuanian
    "äõöüšž",  # Estonian
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",  # Russian, Bulgarian
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",  # Ukrainian
    "абвгдеёжзійклмнопрстуўфхцчшыьэюя",  # Belarusian
    "абвгдђежзијклљмнњопрстћуфхцчџш",  # Serbian, Macedonian
    "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",  # Greek
)
_LANGUAGES = [frozenset(small + small.upper()) for small in _SMALL]


def likeness(text: str) -> float:
    """How well the characters beyond ASCII fit one language, from 0 to 1; 1 where there are none.

    Letters of one alphabet and usual signs fit; what a wrong Cyrillic encoding makes does not: a small letter followed
    by a capital, a letter of another script, or a sign, within a word.
    """
    counts = Counter(character for character in text if not character.isascii())
    total = sum(counts.values())
    if not total:
        return 1.0
    signs = sum(count for character, count in counts.items() if character in _SIGNS)
    letters = max(sum(count for character, count in counts.items() if character in language) for language in _LANGUAGES)
    unlikely = sum(1 for one, other in pairwise(text) if _is_turned(one, other) or _is_mixed(one, other))
    unlikely += len(_WITHIN_WORDS.findall(text))
    return max(0.0, (signs + letters - unlikely) / total)


def _is_turned(one: str, other: str) -> bool:
    return other.isupper() and not other.isascii() and one.islower() and not one.isascii()


def _is_mixed(one: str, other: str) -> bool:
    return one.isalpha() and other.isalpha() and ((one.isascii() and other >= "Ͱ") or (other.isascii() and one >= "Ͱ"))
