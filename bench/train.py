"""Training speed: windows a second of ``network.fit`` against a bare loop in torch.

The bare loop has every window in memory as one tensor, and otherwise the same network, batches,
loss, optimiser, clipping, mixed precision and number of threads. ``fit`` also gathers each window
from its rows, judges a few validation windows after each epoch and copies the weights.
"""

import time
from dataclasses import replace

import numpy as np
import torch

from bench.measure import Row, json_path, pair, report, spread
from bench.models import Measured, measured
from ordinis_mlflow.features import Samples
from ordinis_mlflow.network import LSTMConfig, SignalLSTM, fit, negative_log_likelihood
from ordinis_mlflow.network.precision import Precision

EPOCHS, ROUNDS = 2, 5


def main() -> None:
    path = json_path(__doc__)
    model = measured()
    config = replace(model.training.config, epochs=EPOCHS)
    times = [(bare_loop(model, config), ours(model, config)) for _ in range(ROUNDS + 1)][1:]
    result = pair(times)
    count = EPOCHS * len(model.training.prepared.train)
    what = f"windows/s, ours / bare loop, {config.threads} thread, batch {config.batch_size}"
    detail = f"{spread(result, 1, 's')}; ours {count / result.second:.0f} windows/s"
    report(
        "Training",
        [Row("train.throughput_over_bare", what, result.ratio, 0.9, False, detail)],
        path,
    )


def ours(model: Measured, config: LSTMConfig) -> float:
    prepared = model.training.prepared
    network = SignalLSTM(prepared.train.table.shape[1], config)
    few = prepared.validation.select(np.arange(64))
    start = time.perf_counter()
    fit(network, prepared.train, few, config, device=torch.device("cpu"))
    return time.perf_counter() - start


def bare_loop(model: Measured, config: LSTMConfig) -> float:
    train: Samples = model.training.prepared.train
    windows = torch.from_numpy(train.batch(np.arange(len(train))).copy())
    labels = torch.from_numpy(train.labels)
    network = SignalLSTM(windows.shape[2], config).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    precision, device = Precision.choose(windows.device, config.mixed_precision), windows.device
    torch.set_num_threads(config.threads)
    start = time.perf_counter()
    for _ in range(config.epochs):
        for index in torch.randperm(len(windows)).split(config.batch_size):
            with precision.autocast(device):
                location, scale = network(windows[index])
            loss = negative_log_likelihood(
                location, scale, labels[index], config.degrees_of_freedom
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_norm)
            optimizer.step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
