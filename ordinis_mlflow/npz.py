"""Arrays from an .npz archive that nobody vouches for."""

import io
import struct
import tokenize
import zipfile
import zlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidArchive

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

BROKEN = (
    *(ValueError, KeyError, TypeError, AttributeError, SyntaxError, EOFError, OSError),
    *(MemoryError, RecursionError, OverflowError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)
"""What zipfile and NumPy raise for bytes that are no archive of arrays."""


def read_arrays(content: bytes, most_bytes: int) -> Arrays:
    """Every array of an archive, by name; nothing in it can run code.

    Args:
        content: the archive.
        most_bytes: that it may unpack to; what would be more is made to fill the memory.

    Raises:
        InvalidArchive: not such an archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > most_bytes:
            raise InvalidArchive(f"it would unpack to {size} bytes, more than {most_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except InvalidArchive:
        raise
    except BROKEN as error:
        raise InvalidArchive(f"it is no archive of arrays: {error}") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InvalidArchive("an entry of it is no array")  # NumPy hands its bytes over
    return arrays
