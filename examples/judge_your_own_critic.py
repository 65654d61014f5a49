"""I have a critic; is its number the Wasserstein distance?

Three critics are judged on the same held-out samples: a function of NumPy points, a torch module, and the perfect one,
the potential of the exact solution. One sees three verdicts: the perfect critic has an error near zero and gradients
along the transport (mean cosine near +1); the module says nearly a third too much because it is too steep; the
function says far too little although it never breaks its constraint.
"""

from __future__ import annotations

import numpy as np
import torch

import otgan

SEED = 0


def across(points: np.ndarray) -> np.ndarray:
    """A NumPy critic that is 1-Lipschitz and looks in the wrong direction."""
    return -points[:, 1]


def steep() -> torch.nn.Module:
    """A torch critic in the right direction, with slope 4/3 instead of 1."""
    critic = torch.nn.Linear(2, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[-4 / 3, 0.0]]))
        critic.bias.zero_()
    return critic


def main() -> None:
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(400, 2))
    y = rng.normal(size=(400, 2)) + [3.0, 0.5]
    perfect = otgan.wasserstein(x, y).potentials

    for name, critic in (("looks across", across), ("too steep", steep()), ("perfect", perfect)):
        report = otgan.validate(critic, x, y, name=name, seed=SEED)
        print(f"{name}: {report.verdict.level}")
        print(f"  {report.verdict.headline}")
        print(f"  error {report.relative_error:+.1%}, mean cosine {report.alignment.mean:+.4f}")
        print(f"  slope seen {report.slopes.lower:.4f}, proven below {report.slopes.upper:.4f}")
        print(f"  proves W1 >= {report.lower_bounds.best:.4f}")


if __name__ == "__main__":
    main()
