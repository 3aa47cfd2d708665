"""The shop's categories."""

from daemon.workloads.categorization.taxonomy import Category, Taxonomy


def test_a_label_falls_back_to_the_code():
    taxonomy = Taxonomy([Category("a", "Label", "Top > Label"), Category("b", "", "")])
    assert [taxonomy.label_of(code) for code in ("a", "b", "gone")] == ["Label", "b", "gone"]


def test_of_two_with_one_code_the_later_counts():
    taxonomy = Taxonomy([Category("a", "Old", "Old"), Category("a", "New", "New")])
    assert len(taxonomy) == 1
    assert [category.label for category in taxonomy] == ["New"]
    assert "a" in taxonomy
    assert taxonomy.get("b") is None
