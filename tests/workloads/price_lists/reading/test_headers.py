"""Columns by the names that suppliers give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading.headers import NoSuchColumn, choose_columns, price_kind, synonyms
from daemon.workloads.price_lists.reading.options import FIELDS, PRICE_KINDS


def fields(header: str, mapping: dict[str, object] | None = None, price: str | None = None) -> dict[str, str]:
    names = header.split("|")
    return {field: names[place] for field, place in choose_columns(names, mapping or {}, price).fields.items()}


ORDER = ("sku", "name", "manufacturer", "part_number", "barcode", "price", "currency", "stock", "availability")


@pytest.mark.parametrize(
    "header",
    [
        "SKU|Product Name|Brand|MPN|EAN|Price|Currency|Stock|Availability",
        "Item #|Description|Mfr|Mfr Part #|UPC|Dealer Price|Curr.|Qty Avail|In stock",
        "Art.-Nr.|Bezeichnung|Hersteller|Hersteller-Nr.|EAN|EK-Preis netto €|Währung|Bestand|Lieferstatus",
        "Référence|Désignation|Marque|Réf. fabricant|Code-barres|Prix net HT|Devise|Stock|Disponibilité",
        "Código|Descripción|Marca|Ref. fabricante|Código de barras|Precio neto|Moneda|Existencias|Disponibilidad",
        "Codice|Descrizione|Produttore|Codice produttore|Codice EAN|Prezzo netto|Valuta|Giacenza|Disponibilità",
        "Artikelnummer|Omschrijving|Merk|Fabrikantcode|EAN-code|Inkoopprijs|Valuta|Voorraad|Beschikbaarheid",
        "Indeks|Nazwa|Producent|Kod producenta|Kod EAN|Cena netto|Waluta|Stan magazynowy|Dostępność",
        "Артикул|Наименование|Производитель|Артикул производителя|Штрихкод|Цена оптовая, руб.|Валюта|Остаток|Наличие",
        "Код товару|Назва товару|Виробник|Артикул виробника|Штрих-код|Ціна, грн|Валюта|Залишок|Наявність",
    ],
)
def test_languages(header):
    assert fields(header) == dict(zip(ORDER, header.split("|"), strict=True))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "Digi-Key Part Number|Manufacturer Part Number|Description|Unit Price (USD)|Minimum Order Quantity",
            {"sku": "Digi-Key Part Number", "part_number": "Manufacturer Part Number", "name": "Description",
             "price": "Unit Price (USD)"},
        ),
        (
            "ISBN13|Title|Author|Publisher|RRP GBP|Discount",
            {"barcode": "ISBN13", "name": "Title", "manufacturer": "Publisher", "price": "RRP GBP"},
        ),
        (
            "Style|Style Description|Color|UPC|Wholesale Price|Retail Price|Available Qty",
            {"sku": "Style", "name": "Style Description", "barcode": "UPC", "price": "Wholesale Price",
             "stock": "Available Qty"},
        ),
        ("product_id|sku|name|price", {"sku": "sku", "name": "name", "price": "price"}),
        ("ArtNr|Text|Preis|Preiseinheit|Preisgruppe",
         {"sku": "ArtNr", "name": "Text", "price": "Preis", "price_unit": "Preiseinheit"}),
        ("NAME|PREIS €|ean code", {"name": "NAME", "price": "PREIS €", "barcode": "ean code"}),
        ("Price list 2026|Name", {"name": "Name"}),
        ("Manufacturer code|Manufacturer|Name", {"part_number": "Manufacturer code", "manufacturer": "Manufacturer",
                                                 "name": "Name"}),
        ("Customs code|Category name|MOQ|Pack qty", {}),
    ],
)  # fmt: skip
def test_what_shops_are_sent(header, expected):
    assert fields(header) == expected


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Price", "plain"), ("EK-Preis netto", "dealer"), ("Your price", "dealer"), ("Nettopreis", "net"),
        ("Cena brutto", "gross"), ("UVP", "retail"), ("Listenpreis netto", "retail"), ("Prix d'achat", "dealer"),
        ("РРЦ", "retail"), ("Price (ex VAT)", "net"),
    ],
)  # fmt: skip
def test_kinds_of_price(header, kind):
    assert price_kind(header) == kind


def test_of_several_prices_what_is_paid_goes_first():
    header = "Name|UVP|Preis brutto|Preis|Nettopreis|EK-Preis"
    columns = header.split("|")
    for expected in ("EK-Preis", "Nettopreis", "Preis", "Preis brutto", "UVP"):
        assert fields("|".join(columns))["price"] == expected
        columns.remove(expected)


@pytest.mark.parametrize("kind", PRICE_KINDS)
def test_the_kind_that_is_asked_for_goes_first(kind):
    chosen = fields("Name|UVP|Preis brutto|Preis|Nettopreis|EK-Preis", price=kind)["price"]
    assert price_kind(chosen) == kind


def test_a_mapping_goes_before_names():
    header = "Name|Price|Special|SKU"
    assert fields(header, {"price": "special"})["price"] == "Special"
    assert fields(header, {"price": 2})["price"] == "Special"
    assert fields(header, {"price": "C"})["price"] == "Special"
    assert fields(header, {"price": "2"})["price"] == "Special"
    assert "price" not in fields(header, {"price": None})
    assert fields("A|C|Name", {"price": "C"})["price"] == "C"  # a header goes before a letter


@pytest.mark.parametrize("place", ["Preis", 4, "E", "99"])
def test_a_mapping_to_a_column_that_is_not_there_tells_what_is(place):
    with pytest.raises(NoSuchColumn, match=r"price .* “Name”, “Price”, “Special”, “SKU”"):
        fields("Name|Price|Special|SKU", {"price": place})


def test_of_equal_headers_the_first_is_read():
    columns = choose_columns(["Name", "Price", "Price", "Colour", "Colour"], {}, None)
    assert columns.fields == {"name": 0, "price": 1}
    assert columns.characteristics == {"Colour": 3}
    assert columns.duplicates == ["Price", "Colour"]
    assert choose_columns(["Name", "Price", "Price"], {"price": 2}, None).fields["price"] == 2


def test_every_phrase_names_its_field():
    known = synonyms()
    assert {name for names in known.phrases.values() for name in names} == {*FIELDS}


@given(st.lists(st.text(max_size=60), max_size=30), st.dictionaries(st.sampled_from(FIELDS), st.integers(0, 29)))
def test_any_header(header, mapping):
    try:
        columns = choose_columns(header, mapping, None)
    except NoSuchColumn:
        assert any(place >= len(header) for place in mapping.values())
    else:
        assert {*columns.fields.values()} <= {*range(len(header))}
        assert not {*columns.fields.values()} & {*columns.characteristics.values()}
