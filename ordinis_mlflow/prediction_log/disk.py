"""Files of the log on the disk: whole under their name or not there, and deleted by the day."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ordinis_mlflow.prediction_log.batch import SCHEMA, Batch
from ordinis_mlflow.prediction_log.layout import MODEL, NAME, UNFINISHED, date_in

ABANDONED_SECONDS = 3600.0
"""A file that was begun so long ago is finished by nobody any more."""
DICTIONARY = [name for name in SCHEMA.names if name not in ("inputs", "request_id")]


def write_file(path: Path, batches: Sequence[Batch]) -> None:
    """Write one file; no reader sees it before it is whole.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with open(unfinished, "xb") as file:
            pq.write_table(
                pa.Table.from_batches([each.rows for each in batches]).unify_dictionaries(),
                file,
                compression="zstd",
                compression_level=1,
                use_dictionary=DICTIONARY,
                column_encoding={"inputs": "DELTA_LENGTH_BYTE_ARRAY"},
                write_page_checksum=True,
                write_statistics=["answered_at", "bar_time", "version", "arm"],
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def delete_days(folder: Path, before: date) -> None:
    """Delete files of whole days; what is not of the log's making stays, and so does its folder.

    Raises:
        OSError: something cannot be deleted.
    """
    for day_folder, day in _days(folder):
        if day < before:
            with suppress(FileNotFoundError):  # another process was faster
                for path in day_folder.iterdir():
                    if NAME.fullmatch(path.name) or UNFINISHED.fullmatch(path.name):
                        path.unlink(missing_ok=True)
                if not any(day_folder.iterdir()):
                    day_folder.rmdir()


def delete_unfinished(folder: Path) -> None:
    """Delete what processes that were killed had begun.

    Raises:
        OSError: something cannot be deleted.
    """
    old = time.time() - ABANDONED_SECONDS
    for day_folder, _ in _days(folder):
        for path in day_folder.iterdir():
            if UNFINISHED.fullmatch(path.name):
                with suppress(FileNotFoundError):  # another process was faster
                    if path.stat().st_mtime < old:
                        path.unlink()


def _days(folder: Path) -> Iterator[tuple[Path, date]]:
    """Every folder of a day, of whatever model."""
    for path in sorted(folder.glob(f"{MODEL}*/*")):
        day = date_in(path.name)
        if day is not None and path.is_dir() and not path.is_symlink():
            yield path, day
