"""What speaks for a category, or against it, beside the model: a rule that people wrote, a decision they made."""

from typing import NamedTuple


class Signal(NamedTuple):
    """For one product of a slice. Such a source is switched off by not giving its signals.

    row: the position of the product among those decided together.
    amount: added to the category's score, in log-odds; below 0 it speaks against the category.
    value: what people read as the evidence's value.
    """

    row: int
    category_code: str
    amount: float
    source_type: str
    source_label: str
    value: str
