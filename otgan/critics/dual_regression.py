"""Regression on the exact dual potential of a sample, along the rays on which its mass travels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Start, Terms, estimate, values_of_both
from otgan.solve import wasserstein


class Rays(nn.Module):
    r"""Places on transport rays, and the values that a potential of slope K has there.

    All that it knows are buffers, so that a checkpoint carries them.

    Args:
        starts: Source ends, (k, d).
        moves: Vectors to the target ends, (k, d).
        heights: Values at the source ends, (k,).
        slope: K; along a ray the potential falls by K for each unit of length.
    """

    starts: Tensor
    moves: Tensor
    heights: Tensor
    falls: Tensor

    def __init__(self, starts: FloatArray, moves: FloatArray, heights: FloatArray, slope: float) -> None:
        super().__init__()
        falls = slope * torch.from_numpy(moves).norm(dim=-1)
        for name, values in (("starts", starts), ("moves", moves), ("heights", heights), ("falls", falls)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))

    def forward(self, numbers: Tensor) -> Tensor:
        """From a ray, a number in [0, 1), and a place on it in [0, 1], (..., 2), to point and value, (..., d + 1)."""
        k = len(self.starts)
        ray = (numbers[..., 0] * k).long().clamp(max=k - 1)  # 1 − 2⁻²⁴ times k rounds to k
        place = numbers[..., 1:]
        points = self.starts[ray] + place * self.moves[ray]
        values = self.heights[ray].unsqueeze(-1) - place * self.falls[ray].unsqueeze(-1)
        return torch.cat([points, values], dim=-1)


@dataclass(frozen=True)
class DualRegression(Method):
    r"""The objective $E\,(f(z) - \varphi(z))^2$, φ an exact K-Lipschitz potential of a sample, z on its transport rays.

    Before training the transport problem is solved between `size` points of each side. Its potential φ is known, with
    slope K, along all segments from x_i to its partner y_j. The ends of the segments are asked for at first hand, the
    places between them teach the gradient. A potential is far from unique; this one is the solver's after two
    c-transforms, which is K-Lipschitz on all of space, shifted to mean 0 at the source.

    The optimum on the sample is f = φ, whose estimate there is K W1 of the sample, above K W1 of the laws by the noise
    of a finite sample. On other points a K-Lipschitz extension of φ is a feasible potential, and its estimate is at
    most theirs: so the estimate is biased downwards, by as much as a potential of so many points fails to carry over
    to others, little in few dimensions and much in many. What the network misses of φ comes on top, of either sign.

    Attributes:
        size: Points of each side between which the problem is solved; at most as many as there are in `Start`.
        inside: Share of places that are uniform on their ray; the rest is at its ends, half on each.

    Source: Villani (2003), Topics in Optimal Transportation, Thm 1.14, for the one potential of W1; no paper for the
    regression.
    """

    size: int = 4096
    inside: float = 0.25

    name = "dual-regression"
    summary = "least squares on the exact potential of a sample, along its transport rays"
    held = "by the objective"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_count("size", self.size)
        as_number("inside", self.inside, low=0, high=1)

    def others(self, start: Start) -> dict[str, nn.Module]:
        """The rays."""
        size = min(self.size, len(start.x), len(start.y))
        x, y = (side[:size].double().numpy() for side in (start.x, start.y))
        solution = wasserstein(x, y)
        # As many points on either side, of equal mass: a basic solution pairs them one to one, so rays are alike.
        rows, columns, _ = solution.matched_pairs()
        f = self.lipschitz * solution.potentials.f
        return {"rays": Rays(x[rows], y[columns] - x[rows], (f - f.mean())[rows], self.lipschitz)}

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`; x and y are for the estimate alone."""
        numbers = draws.uniform((*x.shape[:-1], 3), x)
        ray, place, end = numbers.split(1, dim=-1)
        ends = (end >= (1 + self.inside) / 2).to(x)
        places = torch.where(end < self.inside, place, ends)
        aims = players.others["rays"](torch.cat([ray, places], dim=-1))
        points, values = aims[..., :-1], aims[..., -1]
        loss = (players.critic(points) - values).square().mean(-1)
        with torch.no_grad():
            plain = estimate(*values_of_both(players.critic, x, y))
        return Terms(loss, plain, {"residual": loss.detach().sqrt()})
