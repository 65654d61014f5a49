"""Which measure sees that a generator collapsed, and which that it blurs?

Three generators of the eight Gaussians on a ring: one is perfect, one gives four of the modes a hundredth of their
share, one blurs each mode to three times its width. A measure sees a fault if its number lies far outside of what
twelve real samples of the same size have: beyond their range widened by its width on either side. Counting modes sees
neither; the Fréchet distance of the points sees neither, since mean and covariance agree; precision is blind to the
collapse, mode KL to the blur. W1 sees both, and says how far the mass would have to be moved.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from otgan.measures import GaussianMixture, Measure, eight_gaussians
from otgan.quality import Quality, quality

SHOWN = (
    "w1", "sliced_w1", "modes_covered", "modes_well_covered", "high_quality", "mode_kl", "precision", "recall",
    "density", "coverage", "frechet",
)  # fmt: skip
#: Each gives two real samples, against a third.
REAL_SEEDS = 6


def generators(law: GaussianMixture) -> Mapping[str, Measure]:
    means = np.array([part.mean for part in law.components])
    starved = np.where(np.arange(8) % 2, 0.0025, 0.2475)
    return {
        "perfect": law,
        "collapsed": GaussianMixture(means, 0.1**2, starved),
        "blurred": eight_gaussians(std=0.3),
    }


def main(n: int, figure: Path | None) -> None:
    law = eight_gaussians()
    made = generators(law)

    def judge(generator: Measure, seed: int) -> Quality:
        return quality(generator, law, features=lambda points: points, n=n, seed=seed)

    real = [judge(law, seed) for seed in range(1, 1 + REAL_SEEDS)]
    again = [scores.numbers for each in real for scores in (each.generated, each.second_real)]
    of = {name: judge(generator, 0).numbers for name, generator in made.items()}
    print(f"{'':<20}{'real':>9}" + "".join(f"{name:>20}" for name in made))
    seen: dict[str, list[str]] = {name: [] for name in made}
    for measure in SHOWN:
        values = np.array([each[measure] for each in again])
        line = f"{measure.replace('_', ' '):<20}{values.mean():>9.3f}"
        for name in made:
            far = abs(of[name][measure] - (values.max() + values.min()) / 2) > 1.5 * np.ptp(values)
            line += f"{of[name][measure]:>12.3f}{' seen' if far else '':<8}"
            if far:
                seen[name].append(measure.replace("_", " "))
        print(line.rstrip())
    for name, by in seen.items():
        print(f"{name}: seen by {', '.join(by) or 'none'}")
    if figure is not None:
        draw(figure, made, of)


def draw(path: Path, made: Mapping[str, Measure], of: Mapping[str, Mapping[str, float | None]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (name, generator) in zip(figure.subplots(1, 3), made.items(), strict=True):
        points = generator.sample(600, np.random.default_rng(0))
        ax.plot(*points.T, ".", color="#004488", markersize=2)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[], title=name)
        found = of[name]
        ax.set_xlabel(
            f"W1 {found['w1']:.2f} (noise floor {found['noise_floor']:.2f})\n"
            f"modes {found['modes_covered']} of 8, mode KL {found['mode_kl']:.2f}\n"
            f"high quality {found['high_quality']:.0%}, precision {found['precision']:.0%}\n"
            f"Fréchet distance {found['frechet']:.3f}"
        )
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1000, help="points of each sample")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    given = parser.parse_args()
    main(given.points, given.figure)
