"""A catalogue file as cases."""

import gzip

import pytest

from daemon.stand_in.catalogue_file import FileRefused
from daemon.workloads.categorization.experiments.catalogue import read_catalogue
from daemon.workloads.categorization.experiments.experiment import fold_of

HEADER = "sku,name,attributes,category_code,category_label,split\n"


def write(tmp_path, text):
    file = tmp_path / "shop.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    return file


def test_the_column_split_says_what_is_held_out(tmp_path):
    rows = 'A,bolt,"{""d"": 3}",x,X,train\nB,nut,,y,,dev\nC,nut,,y,Ys,test\nD,nut,,,,train\n'
    catalogue = read_catalogue(write(tmp_path, HEADER + rows))
    assert [(case.reference, case.truth, case.product.attributes) for case in catalogue.cases] == [
        ("A", "x", {"d": 3}),
        ("B", "y", None),
    ], "neither a row of another part nor one without a category"
    assert [catalogue.is_held_out(case, 0) for case in catalogue.cases] == [False, True]
    assert catalogue.taxonomy.label_of("x") == "X"


def test_without_it_a_fifth_is_held_out_whatever_the_order(tmp_path):
    lines = [f"S{number},bolt,,x,X\n" for number in range(200)]
    catalogue = read_catalogue(write(tmp_path, HEADER.replace(",split", "") + "".join(lines)))
    held_out = {case.reference for case in catalogue.cases if catalogue.is_held_out(case, 0)}
    assert held_out == {f"S{number}" for number in range(200) if fold_of(f"S{number}") == 0}
    assert 20 < len(held_out) < 60


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER + "A,bolt,,x,X,train\n", "nothing to judge"),
        (HEADER + "A,bolt,,x,X,dev\n", "nothing to judge"),
        (HEADER + "A,bolt,,x,X,train\nA,bolt,,x,X,dev\n", "line 3: the sku 'A' stands there twice"),
        (HEADER, "nothing to judge"),
        ("name\nbolt\n", "no column is called sku"),
    ],
)
def test_a_file_that_is_no_use_is_refused(tmp_path, text, problem):
    with pytest.raises(FileRefused, match=problem):
        read_catalogue(write(tmp_path, text))


def test_attributes_that_are_no_json_are_as_none(tmp_path):
    catalogue = read_catalogue(write(tmp_path, HEADER + "A,bolt,{no,x,X,train\nB,nut,[1],y,Y,dev\n"))
    assert [case.product.attributes for case in catalogue.cases] == [None, [1]]
