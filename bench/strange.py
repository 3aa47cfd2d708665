"""Products that no category of a shop is for: what is said of them must not be said surely."""

from __future__ import annotations

import random
from itertools import product as combinations

from daemon.workloads.categorization.product import Product

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NOTHING = (None, "", "   ", "-", "n/a", "?", "0", "\t", "…", "null")

# Nothing that a shop sells, in many languages: how, and what.
FOREIGN = {
    "German": (("stiller", "ferner", "vergessener"), ("Sonnenuntergang", "Herbstmorgen", "Abschied", "Traum")),
    "Finnish": (("hiljainen", "kaukainen", "sininen", "unohdettu"), ("revontuli", "kesäyö", "järvenselkä", "kaipuu")),
    "Polish": (("cichy", "daleki", "złoty", "zapomniany"), ("zmierzch", "szept", "świt", "żal")),
    "Hungarian": (("csendes", "távoli", "elfeledett"), ("hajnal", "vágyakozás", "erdőzúgás", "emlék")),
    "Turkish": (("sessiz", "uzak", "unutulmuş"), ("günbatımı", "özlem", "ninni", "rüya")),
    "Greek": (("ήσυχο", "μακρινό", "ξεχασμένο"), ("ηλιοβασίλεμα", "τραγούδι", "όνειρο", "φθινόπωρο")),
    "Russian": (("тихий", "далёкий", "забытый"), ("закат", "шёпот", "рассвет", "сон")),
    "Arabic": (("هادئ", "بعيد", "منسي"), ("غروب", "حلم", "همس", "وداع")),
    "Hebrew": (("שקט", "רחוק", "נשכח"), ("שקיעה", "חלום", "געגוע")),
    "Hindi": (("शांत", "दूर", "भूला"), ("सूर्यास्त", "सपना", "विदाई")),
    "Chinese": (("静静的", "遥远的", "被遗忘的"), ("黄昏", "秋天的梦", "离别", "乡愁")),
    "Japanese": (("静かな", "遠い", "忘れられた"), ("夕暮れ", "子守唄", "秋の夢", "面影")),
    "Vietnamese": (("lặng lẽ", "xa xôi"), ("hoàng hôn", "nỗi nhớ", "giấc mơ")),
}  # fmt: skip


def random_text(number: int, seed: int) -> list[Product]:
    """Every field filled with letters and digits at random."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(3, 10)))

    def words(most: int) -> str:
        return " ".join(word() for _ in range(chance.randint(1, most)))

    return [
        Product(
            id=number,
            sku=None,
            name=words(8),
            manufacturer=words(2),
            part_number="".join(chance.choices(LETTERS.upper() + "0123456789-", k=chance.randint(5, 14))),
            description=words(20),
            attributes={word(): words(2) for _ in range(chance.randint(0, 6))},
            category_code=None,
        )
        for number in range(number)
    ]


def empty_names() -> list[Product]:
    """All ways to say nothing: in name, manufacturer and part number."""
    return [
        Product(number, None, name, manufacturer, part_number, None, None, None)
        for number, (name, manufacturer, part_number) in enumerate(combinations(NOTHING, repeat=3))
    ]


def foreign_names() -> list[Product]:
    """Each how with each what, alone and with an article number that means nothing."""
    names = [f"{how} {what}" for hows, whats in FOREIGN.values() for how in hows for what in whats]
    return [
        Product(number, None, name, None, part_number, None, None, None)
        for number, (name, part_number) in enumerate(combinations(names, (None, "", "七")))
    ]
