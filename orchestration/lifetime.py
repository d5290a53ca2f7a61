"""Fits the two models that predict what a customer will buy: BG/NBD and Gamma-Gamma.

Both by maximum likelihood over everybody's purchases, as ``int_purchases_counted`` counts them; the
parameters go to ``ops.lifetime_fits``, from where SQL scores. Needs scipy: the extra ``lifetime``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# From here the simplex starts, in logarithms: every parameter is positive.
_BG_NBD_START = (0.0, 1.0, 0.0, 1.0)
_GAMMA_GAMMA_START = (1.0, 1.0, 2.0)
# A parameter beyond is on its way to infinity, where the likelihood is flat.
_FAR = 1e6


class FitError(SeamlineError):
    """The parameters cannot be found: too few repeat customers, no convergence, or no scipy."""


@dataclass(frozen=True)
class BGNBD:
    """Parameters of BG/NBD: how often customers buy per week, and when they leave.

    Purchases of one customer are Poisson with a rate from Gamma(r, alpha); after each, the customer
    leaves with a probability from Beta(a, b).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


@dataclass(frozen=True)
class GammaGamma:
    """Parameters of Gamma-Gamma: values are Gamma(p, scale), the scale's inverse Gamma(q, v)."""

    p: float
    q: float
    v: float
    log_likelihood: float


def fit_bg_nbd(
    repeats: Sequence[float],
    recency: Sequence[float],
    age: Sequence[float],
    *,
    shrink: float = 0.0,
) -> BGNBD:
    """Return the most likely parameters.

    Fader, Hardie and Lee, "Counting Your Customers" the Easy Way (2005), equation 6.

    Args:
        repeats: purchases after the first one, per customer.
        recency: weeks from the first purchase to the last.
        age: weeks from the first purchase to the instant looked at.
        shrink: how much the squared logarithms of the parameters weigh against the mean
            log-likelihood. Few customers may be so alike that the likeliest a and b are infinite.

    Raises:
        FitError: nobody has bought twice, or the search does not converge.
    """
    numpy, special = _libraries()
    x, t_x, t = (numpy.asarray(column, dtype=float) for column in (repeats, recency, age))
    if not (x > 0).any():
        raise FitError("no customer has bought twice; there is nothing to fit.")

    def log_likelihood(parameters: Floats) -> float:
        r, alpha, a, b = numpy.exp(parameters)
        gammaln = special.gammaln
        common = gammaln(r + x) - gammaln(r) + r * numpy.log(alpha)
        common += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        stayed = -(r + x) * numpy.log(alpha + t)
        left = numpy.log(a) - numpy.log(b + numpy.maximum(x, 1) - 1)
        left = numpy.where(x > 0, left - (r + x) * numpy.log(alpha + t_x), -numpy.inf)
        return float((common + numpy.logaddexp(stayed, left)).sum())

    return BGNBD(*_most_likely(log_likelihood, _BG_NBD_START, len(x), shrink))


def fit_gamma_gamma(
    repeats: Sequence[float], mean_value: Sequence[float], *, shrink: float = 0.0
) -> GammaGamma:
    """Return the most likely parameters.

    Fader and Hardie, The Gamma-Gamma Model of Monetary Value (2013), equation 1a.

    Args:
        repeats: purchases after the first one, per customer; those without are left out.
        mean_value: mean value of these purchases; those not above zero are left out.
        shrink: as in ``fit_bg_nbd``.

    Raises:
        FitError: nobody is left, or the search does not converge.
    """
    numpy, special = _libraries()
    x, m = (numpy.asarray(column, dtype=float) for column in (repeats, mean_value))
    x, m = x[(x > 0) & (m > 0)], m[(x > 0) & (m > 0)]
    if not len(x):
        raise FitError("no customer has paid for a second purchase; there is nothing to fit.")

    def log_likelihood(parameters: Floats) -> float:
        p, q, v = numpy.exp(parameters)
        gammaln = special.gammaln
        terms = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * numpy.log(v)
        terms += (p * x - 1) * numpy.log(m) + p * x * numpy.log(x)
        return float((terms - (p * x + q) * numpy.log(x * m + v)).sum())

    return GammaGamma(*_most_likely(log_likelihood, _GAMMA_GAMMA_START, len(x), shrink))


def _libraries() -> tuple[Any, Any]:
    try:
        import numpy  # noqa: PLC0415 - an extra
        from scipy import special  # noqa: PLC0415
    except ImportError:
        raise FitError("fitting needs scipy: pip install 'seamline[lifetime]'.") from None
    return numpy, special


def _most_likely(
    log_likelihood: Callable[[Floats], float], start: Sequence[float], size: int, shrink: float
) -> tuple[float, ...]:
    """Return the parameters and their log-likelihood, by Nelder and Mead's simplex."""
    import numpy  # noqa: PLC0415
    from scipy import optimize  # noqa: PLC0415

    found = optimize.minimize(
        lambda parameters: shrink * (parameters**2).sum() - log_likelihood(parameters) / size,
        start,
        method="Nelder-Mead",
        options={"maxiter": 4_000, "xatol": 1e-7, "fatol": 1e-12},
    )
    values = [float(value) for value in numpy.exp(found.x)]
    if not found.success or min(values) < 1 / _FAR or max(values) > _FAR:
        raise FitError(
            f"{size} customers do not tell the parameters apart ({found.message}); take more"
            " history, or hold the parameters near 1 with --shrink 0.001."
        )
    return (*values, log_likelihood(found.x))
