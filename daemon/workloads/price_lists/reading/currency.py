"""Currencies as suppliers write them."""

import re

from daemon.workloads.price_lists.reading.words import words

CODES = words("currencies")

# The first is meant unless the list's own currency is another of them.
_SIGNS = {
    "€": ("EUR",),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "TWD", "ARS", "CLP", "COP"),
    "£": ("GBP", "EGP"),
    "¥": ("JPY", "CNY"),
    "₽": ("RUB",),
    "₴": ("UAH",),
    "₺": ("TRY",),
    "₹": ("INR",),
    "₩": ("KRW",),
    "₪": ("ILS",),
    "₸": ("KZT",),
    "₫": ("VND",),
    "฿": ("THB",),
    "US$": ("USD",),
    "C$": ("CAD",),
    "CA$": ("CAD",),
    "A$": ("AUD",),
    "AU$": ("AUD",),
    "R$": ("BRL",),
    "ZŁ": ("PLN",),
    "ZL": ("PLN",),
    "KČ": ("CZK",),
    "KC": ("CZK",),
    "FT": ("HUF",),
    "LEI": ("RON", "MDL"),
    "LEU": ("RON", "MDL"),
    "RS": ("INR", "PKR", "LKR"),
    "FR": ("CHF",),
    "SFR": ("CHF",),
    "TL": ("TRY",),
    "EURO": ("EUR",),
    "EUROS": ("EUR",),
    "DOLLAR": ("USD", "CAD", "AUD", "NZD"),
    "DOLLARS": ("USD", "CAD", "AUD", "NZD"),
    "RUR": ("RUB",),
    "РУБ": ("RUB", "BYN"),
    "Р": ("RUB", "BYN"),
    "ЕВРО": ("EUR",),
    "ЄВРО": ("EUR",),
    "ДОЛЛ": ("USD",),
    "ГРН": ("UAH",),
    "ЛВ": ("BGN",),
    "ТГ": ("KZT",),
}
_CROWNS = ("SEK", "NOK", "DKK", "ISK")  # "kr" alone names none of them

# In a header these are more likely words and letters.
_WORDS = {"ALL", "TOP", "PEN", "CUP", "COP", "MOP", "MAD", "SOS", "GEL", "LAK", "FR", "P", "Р", "TL", "FT"}

_WORD = re.compile(r"[^\W\d_]+\$?|[€$£¥₽₴₺₹₩₪₸₫฿]")


def currency_of(sign: str, home: str | None = None) -> str | None:
    """The ISO 4217 code of a sign, a code or a word, such as "€", "eur", "руб."; None when it names no currency.

    `home` is the list's own currency: it decides which dollar, which crown.
    """
    word = sign.strip(" .\u00a0").upper()
    if word in CODES:
        return word
    meant = _SIGNS.get(word)
    if meant is not None:
        return home if home in meant else meant[0]
    return home if word == "KR" and home in _CROWNS else None


def find_currency(text: str, home: str | None = None) -> str | None:
    """The first currency that a header names, such as "Price, EUR" or "Preis in €". Codes count in capitals only."""
    for word in _WORD.findall(text):
        if word.upper() in _WORDS or (word.upper() in CODES and not word.isupper()):
            continue
        found = currency_of(word, home)
        if found is not None:
            return found
    return None
