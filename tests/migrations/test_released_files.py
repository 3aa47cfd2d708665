"""A migration that was released is never edited: what it should have been is another one.

To an older version an edited file looks edited in the database: it would run its own files again, and undo the newer
ones. An added file it does not know, and leaves the database alone.
"""

from daemon.database.schema import LAST_OF, checksums

RELEASED = {
    "0001-create-adoption-helpers": "fa787b4ca6c8dfb2",
    "0002-adopt-batches": "06f12759e0078b00",
    "0003-adopt-predictions": "75c1e34aaac60fbd",
    "0004-adopt-audit-log": "d1e5433f824bfde9",
    "0005-create-slices": "8255f205b1266bb4",
    "0006-create-models": "d995f9f68d9e242a",
    "0007-create-views": "2a67dbe1414b2afe",
    "0008-create-triggers": "9fbfae0e11ae5b73",
    "0009-validate-constraints": "284923ad194b69e8",
    "0010-own-the-orders": "6dc96f98945daef9",
    "0011-keep-items-uncompressed": "ab65a5df70aa4ea8",
    "0012-keep-alternatives": "a9fbab181915b9b3",
    "0013-adopt-recommendations": "5026e4568e81a71e",
    "0014-collect-decisions": "4c13ab00e91640d6",
    "0015-adopt-category-rules": "7816d074e2c94161",
    "0016-create-observations": "1022e36696971282",
    "0017-create-experiments": "d7c80782b3ac86e0",
    "0018-create-duties": "fab1dbfcca2c1be7",
    "0019-promote-models": "9341f4e332d10ba9",
    "0020-create-preparations": "2c3c1fb45c5733e3",
    "0021-adopt-price-lists": "fb8313e1b57bc4a8",
    "0022-create-matches": "9631ddbb83ef170e",
}


def test_released_migrations_are_as_they_were() -> None:
    found = {name: checksum[:16] for name, checksum in checksums().items() if name in RELEASED}
    assert found == RELEASED


def test_all_that_were_released_are_kept() -> None:
    newest = max(LAST_OF.values())
    assert [name for name in checksums() if name <= newest] == list(RELEASED)
