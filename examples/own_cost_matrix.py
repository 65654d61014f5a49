"""What is the cheapest way to serve four shops from three depots, at prices of my own?

Any matrix of costs that are not negative will do: `otgan.transport` needs no points. One sees the optimal plan, its
cost with a proven bracket, and the shadow prices (the dual potentials): what one more unit at a depot or a shop would
change. The amounts are given as shares of the whole.
"""

from __future__ import annotations

import numpy as np

import otgan
from otgan.errors import NotProvidedError

DEPOTS, SHOPS = ("north", "centre", "south"), ("A", "B", "C", "D")
SUPPLY = np.array([0.25, 0.5, 0.25])
DEMAND = np.array([0.125, 0.375, 0.25, 0.25])
# Price of a unit from each depot (row) to each shop (column).
PRICES = np.array(
    [
        [4.0, 6.0, 9.0, 8.0],
        [5.0, 3.0, 4.0, 7.0],
        [9.0, 7.0, 6.0, 2.0],
    ]
)


def main() -> None:
    solution = otgan.transport(PRICES, SUPPLY, DEMAND)
    print(f"cheapest cost per unit: {solution.cost:g}, in [{solution.lower_bound:.17g}, {solution.upper_bound:.17g}]")
    for i, j, share in zip(*solution.matched_pairs(), strict=True):
        print(f"  {DEPOTS[i]:>6} -> {SHOPS[j]}: {share:.4f} at {PRICES[i, j]:g}")

    f, g = solution.potentials.f, solution.potentials.g
    print("shadow prices:", *(f"{name} {price:+g}" for name, price in zip(DEPOTS + SHOPS, [*f, *g], strict=True)))
    print(f"they add up to the cost: {SUPPLY @ f + DEMAND @ g:g}")

    try:
        solution.potentials([[0.0, 0.0]])
    except NotProvidedError as error:
        print(f"off the sample: {error}")


if __name__ == "__main__":
    main()
