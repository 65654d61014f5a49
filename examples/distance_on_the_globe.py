"""How many kilometres apart are two networks of weather stations, as the crow flies?

Points are degrees of latitude and longitude, so the metric is the great-circle distance. One sees the distance in
kilometres, and what goes wrong with the Euclidean metric: it takes degrees for lengths, and a pair of stations on
either side of the date line for the far ends of the world.
"""

from __future__ import annotations

import numpy as np

import otgan

# Latitude and longitude in degrees: islands and coasts west and east of the date line.
WEST = np.array([[-17.7, 178.0], [-36.8, 174.8], [-41.3, 174.8], [-22.3, 166.5]])
EAST = np.array([[-13.8, -171.8], [-21.1, -175.2], [-14.3, -170.7], [-19.1, -169.9]])


def main() -> None:
    globe = otgan.wasserstein(WEST, EAST, metric="haversine")
    print(f"great-circle W1 = {globe.distance:.3f} km")
    print(f"proven to lie in [{globe.lower_bound:.9f}, {globe.upper_bound:.9f}] km")
    for i, j, mass in zip(*globe.matched_pairs(), strict=True):
        print(f"  {mass:.2f} of the mass from {WEST[i]} to {EAST[j]}")

    flat = otgan.wasserstein(WEST, EAST)
    print(f"Euclidean W1 of the same numbers = {flat.distance:.3f} degrees: the date line looks like a gulf")


if __name__ == "__main__":
    main()
