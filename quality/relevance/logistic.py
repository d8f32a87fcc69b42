"""Logistic regression by Newton's method, so that equal inputs give equal weights.

A dozen features and some thousand rows need no library. Products are summed by `einsum`, not by BLAS, whose last bits
depend on the number of threads. Rejected: scikit-learn (a heavy import for twenty lines) and gradient descent (stops
where it was told to, not where the optimum is).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_STEPS = 50
_ENOUGH = 1e-9
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model: log-odds = `weights` @ (x - `mean`) / `spread` + `bias`, all float64 [features]."""

    mean: F64
    spread: F64
    weights: F64
    bias: float

    def contributions(self, rows: F64) -> F64:
        """Return what each feature adds to the log-odds, float64 [n, features]."""
        added: F64 = (rows - self.mean) / self.spread * self.weights
        return added

    def log_odds(self, rows: F64) -> F64:
        """Return the log-odds, float64 [n]."""
        odds: F64 = self.contributions(rows).sum(axis=1) + self.bias
        return odds


def fit_logistic(rows: F64, truth: F64, share: F64, ridge: float = 1.0) -> Logistic:
    """Fit a model.

    Args:
        rows: float64 [n, features].
        truth: float64 [n], 0 or 1.
        share: float64 [n], how much each row counts.
        ridge: penalty on the square of each weight, for features of unit spread.
    """
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    design = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        odds = np.clip(np.einsum("nf,f->n", design, weights), -30, 30)
        chance = 1 / (1 + np.exp(-odds))
        gradient = np.einsum("nf,n->f", design, share * (truth - chance)) - penalty * weights
        curve = np.einsum("nf,ng->fg", design * (share * chance * (1 - chance))[:, None], design)
        step = np.linalg.solve(curve + np.diag(penalty), gradient)
        weights += step
        if np.abs(step).max() < _ENOUGH:
            break
    weights = np.round(weights, _DIGITS)
    return Logistic(mean, spread, weights[:-1], float(weights[-1]))
