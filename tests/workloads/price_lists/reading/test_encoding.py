"""Encodings are found out by the bytes."""

import codecs
from pathlib import Path

import pytest

from daemon.workloads.price_lists.reading.encoding import detect_encoding
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

TEXTS = {
    "de": "Artikel;Bezeichnung;Preis\n1;Größe 40 für Müller, weiß;12,50 €\n2;Kärcher Düse groß;3,10 €\n",
    "fr": "Référence;Désignation;Prix\n1;Clé à molette réglable;12,50 €\n2;Boîte à outils métallique;3,10\n",
    "es": "Código;Descripción;Precio\n1;Llave inglesa pequeña niño;12,50 €\n2;Máquina eléctrica;1\n",
    "pl": "Kod;Nazwa;Cena\n1;Śrubokręt płaski żółty;12,50\n2;Młotek ślusarski, rączka;3,10 zł\n",
    "cs": "Kód;Název;Cena\n1;Šroubovák plochý žlutý;12,50\n2;Kladivo zámečnické řízné\n",
    "hu": "Cikkszám;Megnevezés;Ár\n1;Csavarhúzó bőr fűrész;5\n",
    "ru": "Код;Наименование;Цена\n1;Молоток слесарный 500 г;12,50\n2;Отвертка крестовая;3,10\n",
    "uk": "Код;Назва;Ціна\n1;Молоток слюсарний їжак;12,50\n2;Викрутка хрестова ґудзик;3,10\n",
    "tr": "Kod;Ürün adı;Fiyat\n1;Çekiç ağır şişe İstanbul;5\n",
    "el": "Κωδικός;Όνομα;Τιμή\n1;Σφυρί κόκκινο;5\n",
    "once": "sku;name;price\n" + "1;Hammer red;5\n" * 20 + "2;Gerät;6\n",
    "ja": "品番;商品名;価格\n1;ハンマー赤い鋼鉄製工具セット;500\n2;ドライバー十字形磁石付き工具;300\n" * 3,
}


def detect(tmp_path: Path, content: bytes) -> object:
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    return detect_encoding(file, lambda: None)


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("de", "cp1252"), ("fr", "cp1252"), ("es", "cp1252"), ("once", "cp1252"), ("fr", "cp850"), ("de", "iso8859_15"),
        ("de", "mac_roman"), ("pl", "cp1250"), ("pl", "iso8859_2"), ("pl", "cp852"), ("cs", "cp1250"),
        ("cs", "iso8859_2"), ("hu", "cp1250"), ("ru", "cp1251"), ("ru", "koi8_r"), ("ru", "cp866"), ("uk", "cp1251"),
        ("tr", "cp1254"), ("el", "cp1253"), ("ja", "shift_jis"),
    ],
)  # fmt: skip
def test_a_guess_gives_the_same_text(tmp_path, language, encoding):
    text = TEXTS[language].replace(" €", "" if encoding == "cp850" else " €")
    content = text.encode(encoding)
    found = detect(tmp_path, content)
    assert content.decode(found.name) == text
    assert 0.5 < found.confidence < 1


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (b"", "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
     (codecs.BOM_UTF32_LE, "utf-32-le"), (b"", "utf-16-le"), (b"", "utf-16-be")],
)  # fmt: skip
def test_unicode(tmp_path, mark, encoding):
    content = mark + TEXTS["de"].encode(encoding)
    assert content.decode(detect(tmp_path, content).name) == TEXTS["de"]


def test_utf8_is_strict_over_all_of_the_file(tmp_path):
    content = b"sku;name;price\n" + b"1;Hammer;5\n" * 300_000 + "2;Gerät;6\n".encode("cp1252")
    assert detect(tmp_path, content).name == "cp1252"


def test_a_letter_cut_by_a_piece_is_no_error(tmp_path):
    for shift in range(3):
        assert detect(tmp_path, b"a" * shift + b"\n" + "ю€\n".encode() * 400_000).name == "utf-8"


def test_what_is_no_text(tmp_path):
    with pytest.raises(ListUnreadable) as caught:
        detect(tmp_path, bytes(range(256)) * 100 + bytes(2000))
    assert caught.value.code == "not_a_list"


def test_a_line_without_end(tmp_path):
    with pytest.raises(ListUnreadable, match="a line of more than a million"):
        detect(tmp_path, b"sku;name\n" + b"x" * 3_000_000)
