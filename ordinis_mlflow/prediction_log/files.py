"""Finding the files of a log: those alone that can hold what is asked for."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ordinis_mlflow.errors import PredictionLogError
from ordinis_mlflow.prediction_log.layout import MODEL, NAME, date_in, day_of, quoted


def find_files(folder: Path, model: str | None, first: int | None, last: int | None) -> list[Path]:
    """Whole files of a model, or of all, of days between two moments (UTC nanoseconds).

    Names that begin with a dot or an underscore are passed over, as Parquet readers do.

    Raises:
        PredictionLogError: there is no such folder, or something in it is not of a log.
    """
    found = []
    for model_folder in _entries(folder):
        if not model_folder.name.startswith(MODEL):
            raise _foreign(model_folder)
        if model is not None and model_folder.name != f"{MODEL}{quoted(model)}":
            continue
        for day_folder in _entries(model_folder):
            if _asked(_day(day_folder), first, last):
                found += list(_files(day_folder))
    return found


def _entries(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise PredictionLogError(f"{folder} is no folder of a prediction log: {error}") from error
    return (path for path in paths if path.name[0] not in "._")


def _day(day_folder: Path) -> date:
    day = date_in(day_folder.name)
    if day is None:
        raise _foreign(day_folder)
    return day


def _asked(day: date, first: int | None, last: int | None) -> bool:
    return (first is None or day >= day_of(first)) and (last is None or day <= day_of(last))


def _files(day_folder: Path) -> Iterator[Path]:
    for path in _entries(day_folder):
        if not NAME.fullmatch(path.name):
            raise _foreign(path)
        yield path


def _foreign(path: Path) -> PredictionLogError:
    return PredictionLogError(f"{path} is not of a prediction log: move it away")
