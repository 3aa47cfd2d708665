"""How well a share is known that was counted on a sample. Pure."""

from math import sqrt

SURE = 1.959963984540054  # standard deviations on either side of 95 % of a normal distribution


def wilson(successes: int, number: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in [0, 1]; 0 to 1 for none of none.

    39 of 40 lower ends are below the true share. E. B. Wilson, Probable Inference, the Law of Succession, and
    Statistical Inference (1927).
    """
    if not number:
        return 0.0, 1.0
    share, spread = successes / number, SURE**2 / number
    middle = (share + spread / 2) / (1 + spread)
    reach = sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return max(min(middle - reach, share), 0.0), min(max(middle + reach, share), 1.0)  # rounding aside
