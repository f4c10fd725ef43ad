"""Files of the store, under a folder or any fsspec URL: written whole or not at all."""

import os
import uuid
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from ordinis_mlflow.errors import InvalidConfig, StoreError

LOCAL = LocalFileSystem()


@dataclass(frozen=True)
class Files:
    """Where the store's files are.

    A local file appears under its name only when all of it is on the disk; object stores promise
    that by themselves.

    Attributes:
        url: a folder, or a URL that fsspec knows, such as s3://bucket/store. Credentials come from
            the environment and not from the URL, for the URL is logged.

    Raises:
        InvalidConfig: the URL holds credentials, or its kind is not known or not installed.
    """

    url: str

    def __post_init__(self) -> None:
        if "://" in self.url and "@" in self.url:
            raise InvalidConfig(
                "the store's URL must not hold credentials, for it is logged; "
                "put them into the environment"
            )
        try:
            fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise InvalidConfig(f"store {self.url!r} cannot be used: {error}") from error
        if "://" not in self.url:
            object.__setattr__(self, "url", os.path.abspath(self.url))

    def read(self, name: str) -> bytes:
        """All bytes of a file.

        Raises:
            FileNotFoundError: there is none.
            StoreError: the place cannot be read.
        """
        system, root = self._system()
        try:
            data: bytes = system.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            raise
        except Exception as error:  # each kind of place has errors of its own
            raise self._unreadable(name, error) from error
        return data

    def open(self, name: str) -> pa.NativeFile:
        """A file to read pieces of; one that is not local is fetched whole.

        Raises:
            FileNotFoundError: there is none.
            StoreError: the place cannot be read.
        """
        system, root = self._system()
        if not isinstance(system, LocalFileSystem):
            return pa.BufferReader(self.read(name))
        try:
            return pa.OSFile(f"{root}/{name}")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unreadable(name, error) from error

    def exists(self, name: str) -> bool:
        """Whether there is a whole file of this name; StoreError if that cannot be seen."""
        system, root = self._system()
        try:
            found: bool = system.exists(f"{root}/{name}")
        except Exception as error:
            raise self._unreadable(name, error) from error
        return found

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write a file whole or not at all.

        Raises:
            StoreError: the disk is full, or the place cannot be written to.
        """
        system, root = self._system()
        path = f"{root}/{name}"
        try:
            if isinstance(system, LocalFileSystem):
                _write_local(path, data)
            else:
                system.pipe_file(path, bytes(data))
        except Exception as error:  # each kind of place has errors of its own
            raise StoreError(
                f"writing {name} ({len(data)} bytes) to the store {self.url} failed: "
                f"{_say(error)}; nothing was kept of it. Free space or choose another "
                "place, and run again: what was written before is used"
            ) from error

    def _unreadable(self, name: str, error: Exception) -> StoreError:
        return StoreError(
            f"reading {name} from the store {self.url} failed: {_say(error)}; "
            "make the place readable, and run again"
        )

    def _system(self) -> tuple[Any, str]:
        if "://" not in self.url:
            return LOCAL, self.url  # to parse it as a URL would take longer than to see a file
        system, root = fsspec.core.url_to_fs(self.url)
        return system, str(root)


def _write_local(path: str, data: bytes | memoryview) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _settle(os.path.dirname(path))
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def _settle(folder: str) -> None:
    """Have a new name in a folder on the disk too: the catalogue may be on another machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _say(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
