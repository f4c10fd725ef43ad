"""The figures of serving, one function a row or two; each starts the servers that it compares."""

from collections.abc import Sequence

from bench.load.highest import highest_sustained
from bench.load.open import OpenLoop, open_loop
from bench.load.schedule import poisson
from bench.measure import Pair, Row, spread
from bench.serving.contender import Contender
from bench.serving.rounds import (
    WARM_UP,
    against,
    in_turn,
    rates,
    running,
    seconds_a_request,
    seconds_an_answer,
)
from bench.serving.running import Running

ROUNDS = 7
COLD_ROUNDS = 5
BULK_REQUESTS = 5
TRIAL_S, JUDGED_S = 3.0, 20.0
SHARE = 0.7


def plain(ours: Contender, theirs: Contender) -> list[Row]:
    """Both in ``mlflow models serve``: our flavor on raw bars, MLflow's onnx flavor on features."""
    with running(ours, theirs) as servers:
        for each in servers:
            seconds_a_request(each, WARM_UP)
        found = against(in_turn(seconds_a_request, servers, 2 * ROUNDS), 1)
        peaks = [each.peak_bytes() for each in servers]
    sizes = f"requests of {len(ours.body)} and {len(theirs.body)} bytes"
    megabytes = "{:.0f} and {:.0f} MiB".format(*(peak / 2**20 for peak in peaks))
    what = "p50, one window of raw bars / mlflow.onnx, one window of features"
    memory = "peak memory of the server process / mlflow.onnx"
    return [
        Row("serve.p50_over_mlflow_onnx", what, found.ratio, 1.3, True, f"{_ms(found)}; {sizes}"),
        Row("serve.rss_over_mlflow_onnx", memory, peaks[0] / peaks[1], 1.15, True, megabytes),
    ]


def throughput(ours: Contender, mlflow: Contender, peers: Sequence[Contender]) -> list[Row]:
    """Requests a second from eight connections, one window a request, one worker each."""
    with running(ours, mlflow, *peers) as servers:
        times = in_turn(seconds_an_answer, servers, ROUNDS)
        detail = rates(times, servers)
    # Throughputs are reciprocals: theirs over ours in time is ours over theirs in requests.
    faster = [_turned(against(times, other)) for other in range(1, len(servers))]
    best = min(faster[1:], key=lambda each: each.ratio)
    what = "requests/s, 8 connections, ours / "
    return [
        _rate_row("rps_over_mlflow", what + "mlflow.onnx on features", faster[0], 6, detail),
        _rate_row("rps_over_best_peer", what + "the best other server", best, 2, detail),
    ]


def over_floor(ours: Contender, floor: Contender) -> Row:
    """p50 of one connection against a bare session behind uvicorn."""
    what = "p50, one connection, ours / uvicorn with a bare session"
    return _latency_row("p50_over_floor", what, (ours, floor), 1.5)


def observability(on: Contender, off: Contender) -> Row:
    """p50 of one connection with metrics and prediction log against without."""
    what = "p50, one connection, metrics and prediction log on / off"
    return _latency_row("observability_cost", what, (on, off), 1.1)


def tail(ours: Contender) -> Row:
    """p99 against p50 of an open loop at 70 % of the highest sustained load, Poisson arrivals."""
    with running(ours) as (server,):
        start = SHARE / seconds_an_answer(server)
        highest = highest_sustained(lambda rate: _load(server, rate, TRIAL_S), start)
        load = _load(server, SHARE * highest, JUDGED_S)
    p50, p99 = load.quantile_s(0.5), load.quantile_s(0.99)
    detail = (
        f"{1e3 * p50:.2f} and {1e3 * p99:.2f} ms at {SHARE * highest:.0f}/s, "
        f"highest sustained {highest:.0f}/s, {load.errors} errors"
    )
    value = p99 / p50 if load.errors == 0 else float("inf")
    return Row("serve.p99_over_p50", "p99 / p50 at 70 % of full load", value, 5, True, detail)


def bulk(ours: Contender, mlflow: Contender) -> Row:
    """Many symbols in one request, each server in the form that suits it."""
    with running(mlflow, ours) as servers:
        times = in_turn(lambda each: seconds_a_request(each, BULK_REQUESTS), servers, ROUNDS)
    found = against(times, 1)
    sizes = f"{len(mlflow.body) / 2**20:.1f} and {len(ours.body) / 2**20:.1f} MiB"
    what = f"500 symbols in one request, JSON to MLflow / {ours.content_type.split('.')[-1]} to us"
    return Row("serve.bulk_over_mlflow", what, found.ratio, 10, False, f"{_ms(found)}; {sizes}")


def cold_start(ours: Contender, mlflow: Contender) -> Row:
    """From the start of the process to the first answer."""
    times = []
    for _ in range(COLD_ROUNDS + 1):
        starts = []
        for each in (ours, mlflow):
            with running(each) as (server,):
                starts.append(server.cold_start_s)
        times.append(tuple(starts))
    found = against(times[1:], 1)  # the first filled the caches of the disk
    what = "start to first answer, ours / mlflow models serve"
    return Row(
        "serve.cold_start_over_mlflow", what, found.ratio, 1 / 3, True, spread(found, 1, "s")
    )


def _load(server: Running, rate: float, seconds: float) -> OpenLoop:
    return open_loop(server.post, poisson(rate, seconds))


def _latency_row(key: str, what: str, contenders: Sequence[Contender], bar: float) -> Row:
    with running(*contenders) as servers:
        for each in servers:
            seconds_a_request(each, WARM_UP)
        found = against(in_turn(seconds_a_request, servers, 2 * ROUNDS), 1)
    return Row(f"serve.{key}", what, found.ratio, bar, True, _ms(found))


def _rate_row(key: str, what: str, found: Pair, bar: float, detail: str) -> Row:
    low, high = min(found.ratios), max(found.ratios)
    return Row(
        f"serve.{key}", what, found.ratio, bar, False, f"{detail}; ratios {low:.2f} to {high:.2f}"
    )


def _turned(found: Pair) -> Pair:
    return Pair(found.second, found.first, tuple(1 / ratio for ratio in found.ratios))


def _ms(found: Pair) -> str:
    return spread(found, 1e3, "ms")
