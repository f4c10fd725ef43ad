"""Arrays and a few words in one .npz archive, read back without trusting it."""

import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidDriftReference

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
        _refuse_bombs(content, names)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("an entry is no array")  # NumPy hands its bytes over as they are
        about = json.loads(arrays.pop(ABOUT).tobytes())
        return {**about}, arrays
    except InvalidDriftReference:
        raise
    except (
        *(ValueError, KeyError, TypeError, AttributeError, SyntaxError, EOFError, OSError),
        *(MemoryError, RecursionError, OverflowError, NotImplementedError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
    ) as error:
        raise InvalidDriftReference(f"the archive is not a drift reference: {error}") from error


def _refuse_bombs(content: bytes, names: frozenset[str]) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        entries = packed.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise InvalidDriftReference(
            f"the drift reference would unpack to {size} bytes, more than {MOST_BYTES}"
        )
    found = sorted(entry.filename for entry in entries)
    wanted = sorted(f"{name}.npy" for name in (*names, ABOUT))
    if found != wanted:
        raise InvalidDriftReference(f"a drift reference holds {wanted}, this archive {found[:20]}")
