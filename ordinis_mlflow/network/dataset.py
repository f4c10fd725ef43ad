"""DeviceSamples: a table of rows on the device, read as batches of windows."""

from collections.abc import Iterator

import torch

from ordinis_mlflow.features import Samples


class DeviceSamples:
    """Samples whose table, labels and row numbers lie on a device.

    Only rows are kept there; a window exists while its batch does.
    """

    def __init__(self, samples: Samples, device: torch.device) -> None:
        self._table = torch.from_numpy(samples.table).to(device)
        self._last_rows = torch.from_numpy(samples.last_rows).to(device)
        self._labels = torch.from_numpy(samples.labels).to(device)
        self._offsets = torch.arange(1 - samples.steps, 1, device=device)

    def __len__(self) -> int:
        return len(self._labels)

    def in_order(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches of (windows, labels) in the samples' order."""
        return self._batches(torch.arange(len(self)), batch_size)

    def shuffled(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches in an order drawn from torch's CPU generator, the same on every device."""
        return self._batches(torch.randperm(len(self)), batch_size)

    def _batches(
        self, order: torch.Tensor, batch_size: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for index in order.to(self._labels.device).split(batch_size):
            rows = self._last_rows[index][:, None] + self._offsets
            # index_select copies whole rows; indexing by a matrix is several times slower.
            flat = self._table.index_select(0, rows.reshape(-1))
            yield flat.view(*rows.shape, -1), self._labels[index]
