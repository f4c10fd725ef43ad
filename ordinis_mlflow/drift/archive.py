"""Arrays and a few words in one .npz archive, read back without trusting it."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidArchive, InvalidDriftReference
from ordinis_mlflow.npz import read_arrays

Arrays = Mapping[str, npt.NDArray[Any]]

ABOUT = "about"
"""The words: JSON in UTF-8, as an array of text would cut trailing zeros off a name."""
MOST_BYTES = 1 << 30
"""1,000 columns of 100,000 rows; what unpacks to more is made to fill the memory."""


def pack(about: Mapping[str, Any], arrays: Arrays) -> bytes:
    """An .npz archive; the same values give the same bytes."""
    words = np.frombuffer(json.dumps(about, allow_nan=False).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{ABOUT: words}, **arrays)
    return buffer.getvalue()


def unpack(content: bytes, names: frozenset[str]) -> tuple[dict[str, Any], Arrays]:
    """Read what :func:`pack` wrote; nothing in it can run code.

    Args:
        content: the archive.
        names: of the arrays it must hold, no more and no fewer.

    Raises:
        InvalidDriftReference: not such an archive.
    """
    try:
        arrays = read_arrays(content, MOST_BYTES)
        wanted = {*names, ABOUT}
        if arrays.keys() != wanted:
            raise InvalidDriftReference(
                f"a drift reference holds {sorted(wanted)}, this archive {sorted(arrays)[:20]}"
            )
        about = json.loads(arrays.pop(ABOUT).tobytes())
        return {**about}, arrays
    except InvalidDriftReference:
        raise
    except (InvalidArchive, ValueError, TypeError, RecursionError) as error:
        raise InvalidDriftReference(f"the archive is not a drift reference: {error}") from error
