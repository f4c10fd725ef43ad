"""Routes of the protocol: health, metadata and inference."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from ordinis_mlflow import __version__
from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.graph.session import INPUT
from ordinis_mlflow.serving.app import Route
from ordinis_mlflow.serving.arms import Arms, Asked, Served
from ordinis_mlflow.serving.described import BYTES, Described, Parameter
from ordinis_mlflow.serving.http import JSON, Answer, Handler, Request
from ordinis_mlflow.serving.invocations import who
from ordinis_mlflow.serving.open_inference.messages import (
    InferAnswer,
    InferRequest,
    Live,
    ModelMetadata,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from ordinis_mlflow.serving.open_inference.tensors import (
    outputs_metadata,
    outputs_of,
    read_request,
    windows_of,
)
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.strict_json import encode

NAME = "ordinis_mlflow"
PLATFORM = "onnxruntime_onnx"
OCTETS = "application/octet-stream"
HEADER_LENGTH = b"inference-header-content-length"
OFF_THE_LOOP = 65536
"""Bodies of more bytes are read on another thread."""

MODEL = Parameter("name", "path", "Of the model.")
VERSION = Parameter("version", "path", "Of the model.")
LENGTH = Parameter(
    "Inference-Header-Content-Length", "header", "Bytes of the JSON, where tensors follow it."
)
INFER = Described(
    "The signal of each window, as tensors.",
    answers={JSON.decode(): (InferAnswer,), OCTETS: (BYTES,)},
    takes={JSON.decode(): (InferRequest,), OCTETS: (BYTES,)},
    refusals=(400, 404, 504),
    headers={"X-Ordinis-Model": "Name and version of each model that answered."},
)


class OpenInference:
    """The handlers.

    Args:
        service: answers.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    async def server(self, request: Request) -> Answer:
        """Name, version and extensions of the server."""
        return Answer(encode(ServerMetadata(NAME, __version__, ["binary_tensor_data"])))

    async def live(self, request: Request) -> Answer:
        """Whether the process answers."""
        return Answer(encode(Live()))

    async def ready(self, request: Request) -> Answer:
        """Whether a model is loaded; ServingError if none is."""
        _ = self._service.arms
        return Answer(encode(Ready()))

    async def model_ready(self, request: Request) -> Answer:
        """Whether this model is served."""
        self._served(request, self._service.arms)
        return Answer(encode(Ready()))

    async def model(self, request: Request) -> Answer:
        """What the model takes and gives."""
        served = self._served(request, self._service.arms)
        shape = [-1, served.model.contract.lookback, len(COLUMNS)]
        outputs = list(outputs_metadata(served.model.run(served.model.probe_bars[:1], whole=True)))
        inputs = [TensorMetadata(INPUT, "FP64", shape)]
        return Answer(
            encode(ModelMetadata(served.name, [served.version], PLATFORM, inputs, outputs))
        )

    async def infer(self, request: Request) -> Answer:
        """The signal of each window."""
        arms = self._service.arms
        served = self._served(request, arms)
        if len(request.body) > OFF_THE_LOOP:
            message, asked = await asyncio.to_thread(_asked, request, served)
        else:
            message, asked = _asked(request, served)
        scored = await self._service.score(request, asked, arms)
        outputs, behind = outputs_of(scored.signal, message)
        answered = scored.parts[0].served
        answer = InferAnswer(answered.name, answered.version, message.id or request.id, outputs)
        content = encode(answer)
        if not behind:
            return Answer(content, headers=who(scored))
        length = (HEADER_LENGTH, str(len(content)).encode())
        whole = b"".join([content, *behind])
        return Answer(whole, content_type=OCTETS.encode(), headers=(length, *who(scored)))

    def _served(self, request: Request, arms: Arms) -> Served:
        """The version that a path names.

        Raises:
            RequestRefused: it is not served here.
        """
        served = arms.champion
        _, _, _, name, *rest = request.path.split("/")
        version = rest[1] if rest[:1] == ["versions"] else served.version
        if (name, version) != (served.name, served.version):
            raise RequestRefused(
                404, "not_found", f"model {name}/{version} is not served here, {served.label} is"
            )
        return served


def _asked(request: Request, served: Served) -> tuple[InferRequest, Asked]:
    message, binary = read_request(request.body, request.headers.get(HEADER_LENGTH))
    return message, Asked(windows_of(message, binary, served.model))


def open_inference_routes(service: Service) -> Mapping[str, Route]:
    """Path to route; ``{name}`` and ``{version}`` stand for parts of it."""
    handlers = OpenInference(service)
    paths = {
        "/v2": _get("server", handlers.server, ServerMetadata, ()),
        "/v2/health/live": _get("live", handlers.live, Live, ()),
        "/v2/health/ready": _get("ready", handlers.ready, Ready, ()),
    }
    model = "/v2/models/{name}"
    for path, parts in ((model, (MODEL,)), (f"{model}/versions/{{version}}", (MODEL, VERSION))):
        paths[path] = _get("model", handlers.model, ModelMetadata, parts)
        paths[f"{path}/ready"] = _get("model_ready", handlers.model_ready, Ready, parts)
        described = replace(INFER, parameters=(*parts, LENGTH))
        paths[f"{path}/infer"] = Route(
            "v2_infer", {"POST": handlers.infer}, "v2", described={"POST": described}
        )
    return paths


def _get(name: str, handler: Handler, kind: type, parts: tuple[Parameter, ...]) -> Route:
    """A question that takes no body; those of the server as a whole need no key."""
    text = (handler.__doc__ or "").splitlines()[0]
    refusals = (404,) if parts else ()
    described = Described(text, {JSON.decode(): (kind,)}, refusals=refusals, parameters=parts)
    return Route(f"v2_{name}", {"GET": handler}, "v2", not parts, {"GET": described})
