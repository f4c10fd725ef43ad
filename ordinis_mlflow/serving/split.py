"""Split: which symbols or requests are the challenger's, the same in every process and for ever."""

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

DIGEST_BYTES = 8
REMEMBERED = 2**14
"""Symbols whose arm is not drawn anew at every request."""


class Split:
    """Draws from a keyed hash: BLAKE2b of the key, keyed by the salt, as a number in [0, 1).

    A key is the challenger's if its number is below the share: with a larger share a challenger
    keeps all that it had. Draws of two salts are independent of each other.

    Args:
        share: of the keys, in [0, 1].
        salt: of the experiment.
    """

    def __init__(self, share: float, salt: str) -> None:
        self._below = round(share * 2 ** (8 * DIGEST_BYTES))
        key = hashlib.blake2b(salt.encode("utf-8", "surrogatepass")).digest()
        self._keyed = hashlib.blake2b(digest_size=DIGEST_BYTES, key=key)
        self._symbol = lru_cache(REMEMBERED)(self.takes)

    def takes(self, key: str) -> bool:
        """Whether the challenger answers for a symbol or a request's id."""
        drawn = self._keyed.copy()
        drawn.update(key.encode("utf-8", "surrogatepass"))
        return int.from_bytes(drawn.digest(), "big") < self._below

    def rows(
        self, request_id: str, symbols: tuple[str, ...] | None, n: int
    ) -> npt.NDArray[np.bool_]:
        """Which rows of a request are the challenger's.

        Args:
            request_id: decides for all rows where symbols are not known.
            symbols: one a row.
            n: rows.

        Returns:
            Shape (n,).
        """
        if symbols is None:
            return np.full(n, self.takes(request_id))
        return np.fromiter(map(self._symbol, symbols), np.bool_, n)
