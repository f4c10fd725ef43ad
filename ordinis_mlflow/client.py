"""SignalClient: bars in, signals out, from a model server of this package.

Floor 2: bars travel as Arrow, windows as tensors of the Open Inference Protocol: neither is printed
as text and read again.
"""

import json
import time
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import requests

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import DeadlinePassed, RequestRefused, ServingError
from ordinis_mlflow.signal import Signal

ARROW = "application/vnd.apache.arrow.stream"
OCTETS = "application/octet-stream"
HEADER_LENGTH = "Inference-Header-Content-Length"
MODEL = "X-Ordinis-Model"
RETRIED = 503
"""The server is full or has no model yet; whatever was asked has not been done."""
LONGEST_PAUSE = 5.0


class SignalClient:
    """A model server, asked over one connection that is kept alive; of one thread.

    Args:
        url: of the server, ``http://host:port``.
        api_key: if the server asks for one; sent as ``Authorization: Bearer``.
        timeout: seconds for a question, waiting for a full server included.
        verify: as of ``requests``: False, or a file of certificate authorities.
    """

    def __init__(
        self, url: str, api_key: str = "", timeout: float = 30.0, verify: bool | str = True
    ) -> None:
        self.url, self.timeout = url.rstrip("/"), timeout
        self._session = requests.Session()
        self._session.verify = verify
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def signal(self, bars: Bars | pd.DataFrame) -> pd.DataFrame:
        """The latest signal of each symbol.

        Args:
            bars: at least the model's look-back a symbol; a frame has the columns that
                ``Bars.from_frame`` knows.

        Returns:
            One row a symbol: symbol, timestamp of its last bar, the fields of Signal, and the
            version that answered.

        Raises:
            RequestRefused: the bars break a rule; says which.
            DeadlinePassed: there was no answer in time.
            ServingError: the server could not be reached or has failed.
        """
        frame = bars.frame if isinstance(bars, Bars) else bars
        table = pa.Table.from_pandas(frame, preserve_index=None)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        headers = {"Content-Type": ARROW, "Accept": ARROW}
        answer = self._ask("POST", "/invocations", sink.getvalue().to_pybytes(), headers)
        answered: pd.DataFrame = pa.ipc.open_stream(answer.content).read_all().to_pandas()
        return answered

    def predict(self, windows: npt.NDArray[np.float64]) -> Signal:
        """The signal of each window.

        Args:
            windows: shape (n, lookback, 5): open, high, low, close, volume, oldest bar first.

        Raises:
            RequestRefused: the windows break a rule; says which.
            DeadlinePassed: there was no answer in time.
            ServingError: the server could not be reached or has failed.
        """
        binary = np.ascontiguousarray(windows, dtype="<f8").tobytes()
        tensor: dict[str, Any] = {"name": "bars", "shape": list(windows.shape), "datatype": "FP64"}
        tensor["parameters"] = {"binary_data_size": len(binary)}
        said = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
        content = json.dumps(said).encode()
        headers = {"Content-Type": OCTETS, HEADER_LENGTH: str(len(content))}
        path = f"/v2/models/{self.model()[0]}/infer"
        return _signal(self._ask("POST", path, content + binary, headers))

    def model(self) -> tuple[str, str]:
        """Name and version of the model that serves now.

        Raises:
            ServingError: there is none, or the server could not be reached.
        """
        name, _, version = self._ask("GET", "/ping").headers[MODEL].rpartition("/")
        return name, version

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def __enter__(self) -> "SignalClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> requests.Response:
        """An answer of 200; a full server is asked again for as long as there is time."""
        end = time.monotonic() + self.timeout
        while (left := end - time.monotonic()) > 0:
            timed = {**(headers or {}), "X-Timeout-Ms": str(max(int(1000 * left), 1))}
            try:
                answer = self._session.request(
                    method, self.url + path, data=body, headers=timed, timeout=left
                )
            except requests.Timeout:
                break
            except requests.RequestException as error:
                raise ServingError(f"the server at {self.url} did not answer: {error}") from error
            if answer.status_code == 200:
                return answer
            if answer.status_code != RETRIED:
                raise _error(answer)
            time.sleep(min(_pause(answer), max(end - time.monotonic(), 0.0)))
        raise DeadlinePassed(f"the server at {self.url} did not answer within {self.timeout:g} s")


def _signal(answer: requests.Response) -> Signal:
    """Read the tensors behind an answer's JSON."""
    end = int(answer.headers[HEADER_LENGTH])
    kinds = {"FP32": np.float32, "INT64": np.int64}
    arrays: dict[str, Any] = {}
    for tensor in json.loads(answer.content[:end])["outputs"]:
        kind = np.dtype(kinds[tensor["datatype"]]).newbyteorder("<")
        count = tensor["shape"][0]
        arrays[tensor["name"]] = np.frombuffer(answer.content, kind, count, end)
        end += count * kind.itemsize
    return Signal(**arrays)


def _error(answer: requests.Response) -> Exception:
    status = answer.status_code
    try:
        said = answer.json()
        message = str(said.get("message") or said.get("error"))
    except (ValueError, AttributeError):
        message = answer.text[:200]
    if status == 504:
        return DeadlinePassed(message)
    if 400 <= status < 500:
        return RequestRefused(status, "refused", message)
    return ServingError(f"the server answered {status}: {message}")


def _pause(answer: requests.Response) -> float:
    """Seconds that a full server asks for."""
    stated = answer.headers.get("Retry-After", "")
    return min(float(stated), LONGEST_PAUSE) if stated.isdigit() else 1.0
