"""Tracing: spans at a real collector's door."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from signal_server import serving

from ordinis_mlflow.serving.settings import ServingSettings

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@contextmanager
def collector(heard):
    """Takes OTLP over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *ignored):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def spans(heard):
    """(service, span, attributes) of everything that was heard."""
    for _, request in heard:
        for resource in request.resource_spans:
            service = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    yield service["service.name"], span, {a.key: a.value for a in span.attributes}


def test_each_request_is_a_span_of_its_callers_trace(saved_package, small_windows):
    heard = []
    settings = ServingSettings(str(saved_package), tracing=True)
    with collector(heard) as url, serving(settings, OTEL_EXPORTER_OTLP_ENDPOINT=url) as server:
        body = {"inputs": small_windows[:1].tolist()}
        answer = server.post(body, **{"traceparent": PARENT, "X-Request-Id": "mine"})
        assert answer.status == 200
        assert server.post(b"{", **{"X-Request-Id": "broken"}).status == 400
        assert server.stop() == 0
        found = {told["ordinis.request_id"].string_value: each for *each, told in spans(heard)}
        service, span = found["mine"]
        assert (service, span.name, span.trace_id.hex()) == ("ordinis-serving", "POST", TRACE)
        told = {a.key: a.value for a in span.attributes}
        assert told["http.response.status_code"].int_value == 200
        assert told["ordinis.model"].string_value == answer.headers["x-ordinis-model"]
        assert found["broken"][1].trace_id.hex() != TRACE


def test_a_collector_that_is_not_there_disturbs_nobody(saved_package, small_windows):
    settings = ServingSettings(str(saved_package), tracing=True)
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with serving(settings, OTEL_EXPORTER_OTLP_TIMEOUT="1", **nowhere) as server:
        assert server.post({"inputs": small_windows[:1].tolist()}).status == 200
