"""How many distinct values there were, estimated from 4,096 small numbers (HyperLogLog).

Each value has its place in one of the registers, with a rank; a register keeps the highest rank that it was given.
So a value that comes twice changes nothing, and the registers of two sets, the higher rank of each, are those of
their union. What is taken out of a set cannot be taken out of its registers.

The sketch is that of P. Flajolet, É. Fusy, O. Gandouet and F. Meunier, "HyperLogLog: the analysis of a near-optimal
cardinality estimation algorithm" (2007), with a hash of 64 bits as in S. Heule, M. Nunkesser and A. Hall,
"HyperLogLog in practice" (2013). The estimator is that of O. Ertl, "New cardinality estimation algorithms for
HyperLogLog sketches" (2017), algorithm 6: one formula for small numbers and large ones, without tables of bias.
"""

import math
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

_INDEX_BITS = 12
_RANK_BITS = 64 - _INDEX_BITS
REGISTERS = 2**_INDEX_BITS
#: The standard error of an estimate, as a share of it: 1.04 / sqrt(REGISTERS).
ERROR = 0.01625

_ALPHA = 1 / (2 * math.log(2))


def place(value: str) -> tuple[int, int]:
    """The register of a value, 0 to 4095, and its rank there, 1 to 53; the same in every process."""
    number = int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "big")
    index, rest = divmod(number, 2**_RANK_BITS)
    return index, _RANK_BITS - rest.bit_length() + 1


def estimate(registers: Mapping[str, int]) -> int:
    """How many distinct values have given these ranks.

    Args:
        registers: index (as text, as MongoDB keeps it) -> highest rank; registers without one may be left out.
    """
    ranks = Counter(registers.values())
    ranks[0] += REGISTERS - ranks.total()
    z = REGISTERS * _tau(1 - ranks[_RANK_BITS + 1] / REGISTERS)
    for rank in range(_RANK_BITS, 0, -1):
        z = (z + ranks[rank]) / 2
    z += REGISTERS * _sigma(ranks[0] / REGISTERS)
    # All registers full is as many values as there are hashes.
    return round(_ALPHA * REGISTERS**2 / z) if z else 2**64


def _sigma(x: float) -> float:
    """The share of registers that are empty, corrected for small numbers: x + sum of x^(2^k) 2^(k-1)."""
    if x == 1:
        return math.inf
    y, z, before = 1.0, x, -1.0
    while z != before:
        x *= x
        before = z
        z += x * y
        y *= 2
    return z


def _tau(x: float) -> float:
    """The same for registers that are full: (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3."""
    if x in (0, 1):
        return 0.0
    y, z, before = 1.0, 1 - x, -1.0
    while z != before:
        x = math.sqrt(x)
        before = z
        y /= 2
        z -= (1 - x) ** 2 * y
    return z / 3
