"""The training loop: reproducible, resumable, and blind to the validation labels."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from learnable import CONFIG, assert_same_tensors, differ, network, samples

from ordinis_mlflow.errors import OrdinisError, TrainingDiverged
from ordinis_mlflow.features import Samples
from ordinis_mlflow.network import (
    Checkpoint,
    TrainingState,
    fit,
    load_checkpoint,
    save_checkpoint,
)
from ordinis_mlflow.network.dataset import DeviceSamples
from ordinis_mlflow.network.precision import Precision
from ordinis_mlflow.network.train import evaluate

CPU = torch.device("cpu")
TRAIN, VALIDATION = samples(100, seed=1), samples(40, seed=2)


def trained(config=CONFIG, train=TRAIN, validation=VALIDATION, **kwargs):
    return fit(network(config), train, validation, config, device=CPU, **kwargs)


def relabelled(data, labels):
    return Samples(data.table, data.last_rows, labels.astype(np.float32), data.steps)


@pytest.mark.parametrize("mixed", [False, True])
def test_same_seed_gives_the_same_bits(mixed):
    config = replace(CONFIG, mixed_precision=mixed)
    first = trained(config)
    torch.manual_seed(12345)  # what ran before must not matter
    torch.rand(7)
    second = trained(config)
    assert_same_tensors(first.weights, second.weights)
    assert_same_tensors(first.best_weights, second.best_weights)
    assert_same_tensors(first.optimizer, second.optimizer)
    assert first.epochs == second.epochs


def test_mixed_precision_changes_the_arithmetic_and_not_the_result_much():
    plain, mixed = trained(), trained(replace(CONFIG, mixed_precision=True))
    lower = Precision.choose(CPU, mixed=True).dtype is not None  # not every processor has one
    assert differ(plain.weights, mixed.weights) is lower
    assert all(value.dtype == torch.float32 for value in mixed.weights.values())
    assert mixed.best.validation_loss == pytest.approx(plain.best.validation_loss, abs=0.05)


def test_another_seed_gives_other_weights():
    assert differ(trained().weights, trained(replace(CONFIG, seed=8)).weights)


@pytest.mark.parametrize("mixed", [False, True])
def test_stopped_and_resumed_equals_unbroken(mixed, tmp_path):
    config = replace(CONFIG, epochs=6, mixed_precision=mixed)
    unbroken = trained(config)
    half = trained(replace(config, epochs=3))
    save_checkpoint(Checkpoint(half, config, 3, "digest"), tmp_path / "half.safetensors")
    loaded = load_checkpoint(tmp_path / "half.safetensors")
    resumed = fit(
        network(config, seed=99), TRAIN, VALIDATION, loaded.config, device=CPU, resume=loaded.state
    )
    assert_same_tensors(resumed.weights, unbroken.weights)
    assert_same_tensors(resumed.best_weights, unbroken.best_weights)
    assert_same_tensors(resumed.optimizer, unbroken.optimizer)
    assert resumed.epochs == unbroken.epochs
    assert [epoch.number for epoch in resumed.epochs] == [1, 2, 3, 4, 5, 6]


def test_loss_scaler_is_resumed(tmp_path, monkeypatch):
    # As on a GPU without bf16; the forward pass stays in float32, as CPUs have no fp16 LSTM.
    monkeypatch.setattr(Precision, "scales_loss", True)
    config = replace(CONFIG, epochs=4)
    unbroken = trained(config)
    assert unbroken.loss_scaler["scale"] > 0
    half = trained(replace(config, epochs=2))
    save_checkpoint(Checkpoint(half, config, 3, "digest"), tmp_path / "half.safetensors")
    state = load_checkpoint(tmp_path / "half.safetensors").state
    assert state.loss_scaler == half.loss_scaler
    resumed = trained(config, resume=state)
    assert_same_tensors(resumed.weights, unbroken.weights)
    assert resumed.loss_scaler == unbroken.loss_scaler


def test_resuming_a_finished_training_trains_no_further():
    finished = trained()
    net = network(seed=5)
    batches = []
    again = fit(
        net, TRAIN, VALIDATION, CONFIG, device=CPU, resume=finished, on_batch=batches.append
    )
    assert not batches
    assert again.epochs == finished.epochs
    assert_same_tensors(net.state_dict(), finished.best_weights)


def test_dropout_is_active_in_training_alone():
    seen = []
    net = network()
    net.register_forward_hook(
        lambda module, *_: seen.append((module.training, torch.is_grad_enabled()))
    )
    fit(net, TRAIN, VALIDATION, replace(CONFIG, epochs=1), device=CPU)
    assert set(seen) == {(True, True), (False, False)}
    assert not net.training


def test_dropout_changes_training_outputs_and_not_evaluation():
    net = network()
    torch.nn.init.normal_(net.head.weight)
    windows = torch.from_numpy(TRAIN.batch(np.arange(16)))
    net.train()
    assert not torch.equal(net(windows)[0], net(windows)[0])
    judging = DeviceSamples(VALIDATION, CPU)
    assert evaluate(net, judging, 6) == evaluate(net, judging, 6)
    assert torch.equal(net(windows)[0], net(windows)[0])


def test_reported_losses_are_those_of_the_weights():
    states = []
    final = trained(on_epoch=states.append)
    judging = DeviceSamples(VALIDATION, CPU)
    for state in states:
        net = network()
        net.load_state_dict(state.weights)
        assert evaluate(net, judging, 6) == state.epochs[-1].validation_loss
    assert final.epochs == states[-1].epochs


def test_training_loss_is_a_mean_over_windows_and_not_over_batches():
    # 100 windows in batches of 99 and 1; no dropout and no movement: the mean is exact.
    config = replace(CONFIG, batch_size=99, dropout=0.0, learning_rate=1e-12, weight_decay=0.0)
    state = trained(replace(config, epochs=1))
    judged = evaluate(network(config), DeviceSamples(TRAIN, CPU), 6)
    assert state.epochs[0].train_loss == pytest.approx(judged, rel=1e-5)


def test_early_stopping_by_patience_keeps_the_best_epoch():
    states = []
    net = network()
    config = replace(CONFIG, epochs=30, patience=3, learning_rate=3e-2)
    opposite = samples(40, seed=2, slope=-0.8)
    final = fit(net, TRAIN, opposite, config, device=CPU, on_epoch=states.append)
    losses = [epoch.validation_loss for epoch in final.epochs]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + config.patience < config.epochs
    assert final.best.number == best + 1
    assert final.stale_epochs == config.patience
    assert_same_tensors(final.best_weights, states[best].weights)
    assert_same_tensors(net.state_dict(), states[best].weights)
    assert differ(final.weights, final.best_weights)


def test_best_of_equal_epochs_is_the_earliest():
    state = TrainingState({}, {})
    from ordinis_mlflow.network import Epoch

    for number, loss in enumerate([2.0, 1.0, 1.0], start=1):
        state = state.after(Epoch(number, 0.0, loss), {"at": torch.tensor(number)}, {}, {})
    assert state.best.number == 2
    assert state.best_weights["at"] == 2
    assert state.stale_epochs == 1


def test_validation_labels_change_only_when_training_stops():
    plain, shuffled = [], []
    config = replace(CONFIG, epochs=8, patience=2)
    trained(config, on_epoch=plain.append)
    opposite = relabelled(VALIDATION, -3.0 * VALIDATION.labels)
    trained(config, validation=opposite, on_epoch=shuffled.append)
    assert len(plain) != len(shuffled)
    for left, right in zip(plain, shuffled, strict=False):
        assert_same_tensors(left.weights, right.weights)
        assert_same_tensors(left.optimizer, right.optimizer)
        assert left.epochs[-1].train_loss == right.epochs[-1].train_loss
        assert left.epochs[-1].validation_loss != right.epochs[-1].validation_loss


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_divergence_is_an_error_that_says_what_to_do(poison):
    labels = TRAIN.labels.copy()
    labels[3] = poison
    with pytest.raises(TrainingDiverged) as caught:
        trained(train=relabelled(TRAIN, labels))
    message = str(caught.value)
    for part in (
        "nan",
        "epoch 1",
        "learning_rate (0.01)",
        "gradient_norm (1.0)",
        "mixed_precision",
    ):
        assert part in message
    assert isinstance(caught.value, OrdinisError)
    assert isinstance(caught.value, ArithmeticError)


def test_infinite_validation_loss_is_divergence():
    labels = VALIDATION.labels.copy()
    labels[0] = math.inf
    with pytest.raises(TrainingDiverged):
        trained(validation=relabelled(VALIDATION, labels))


@pytest.mark.parametrize("poisoned", [False, True])
def test_random_state_and_threads_are_restored(poisoned):
    labels = TRAIN.labels * (math.nan if poisoned else 1.0)
    torch.manual_seed(3)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    config = replace(CONFIG, epochs=1, threads=2)
    try:
        trained(config, train=relabelled(TRAIN, labels))
    except TrainingDiverged:
        assert poisoned
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_threads_asked_for_are_used():
    seen = []
    trained(
        replace(CONFIG, epochs=1, threads=2),
        on_batch=lambda _: seen.append(torch.get_num_threads()),
    )
    assert set(seen) == {2}


def test_every_training_window_is_read_once_an_epoch():
    batches = []
    trained(on_batch=batches.append)
    assert batches == CONFIG.epochs * [32, 32, 32, 4]


def test_gradients_are_clipped(monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def spy(self, *args, **kwargs):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.linalg.vector_norm(torch.cat([g.ravel() for g in gradients]))))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    config = replace(CONFIG, epochs=1, learning_rate=1e-4)
    trained(replace(config, gradient_norm=1e9))
    free = norms.copy()
    norms.clear()
    trained(replace(config, gradient_norm=0.01))
    assert len(free) == len(norms) == 4
    assert min(free) > 0.02
    assert max(norms) <= 0.01 * (1 + 1e-4)


def test_it_learns_what_can_be_learnt():
    config = replace(
        CONFIG, num_layers=1, hidden_dim=12, dropout=0.0, epochs=15, learning_rate=2e-2
    )
    train, validation = samples(400, seed=3), samples(200, seed=4)
    net = network(config)
    judging = DeviceSamples(validation, CPU)
    untrained = evaluate(net, judging, 6)
    state = fit(net, train, validation, config, device=CPU)
    with torch.no_grad():
        location, scale = net(torch.from_numpy(validation.batch(np.arange(200))))
    # Knowing slope and noise exactly: mean negative log density of 0.3·t(6) is about 0.43 nats.
    assert state.best.validation_loss < untrained - 0.5
    assert state.best.validation_loss < 0.65
    assert np.corrcoef(location.numpy(), validation.labels)[0, 1] > 0.85
    assert 0.2 < float(scale.median()) < 0.45
