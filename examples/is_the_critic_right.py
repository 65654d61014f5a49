"""Does a WGAN-GP critic tell the Wasserstein distance, and does longer training help?

A small critic is trained between a ring of eight Gaussians and a standard Gaussian, then judged on fresh samples by
exact transport. One sees its number, the true one, and a verdict, after a short and after a longer training: the
estimate comes nearer, and so do the directions of its gradients, which are what a generator would learn from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import otgan
from otgan.critics import train
from otgan.pairs import get_pair

SEED = 0


def main(figure: Path | None) -> None:
    pair = get_pair("8gaussians")
    print(pair.description)
    for steps in (50, 400):
        critic = train(pair.source, pair.target, hidden=(64, 64), steps=steps, seed=SEED, threads=1)
        report = otgan.validate(critic, pair.source, pair.target, n_samples=600, seed=SEED, name=f"{steps} steps")
        print(f"{steps} steps: {report.verdict.level}. {report.verdict.headline}")
        print(f"  noise floor {report.noise_floor.largest:.4f}, mean cosine {report.alignment.mean:+.3f}")
        print(f"  slope seen {report.slopes.lower:.3f}, proven below {report.slopes.upper:.3g}")
    if figure is not None:
        from otgan.plots import landscape_figure, save_png

        save_png(landscape_figure(report), figure)
        print(f"figure: {figure}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture of the longer trained critic (PNG)")
    main(parser.parse_args().figure)
