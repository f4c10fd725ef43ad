"""What a network says of samples, batch by batch."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ordinis_mlflow.features import Samples

BATCH = 512


def predict(
    network: nn.Module, samples: Samples
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Location and scale in units of volatility, as served: float32, without dropout.

    Args:
        network: windows to location and scale; on any device.
        samples: in whose order the answer is.

    Returns:
        Two arrays of shape (samples,).
    """
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.no_grad():
        for index in np.split(np.arange(len(samples)), range(BATCH, len(samples), BATCH)):
            windows = torch.from_numpy(np.ascontiguousarray(samples.batch(index)))
            parts.append(torch.stack(network(windows.to(device))).cpu().numpy())
    location, scale = np.concatenate(parts, axis=1)
    return location, scale
