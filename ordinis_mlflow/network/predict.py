"""What a network says of samples, batch by batch."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ordinis_mlflow.features import Samples
from ordinis_mlflow.network.dataset import DeviceSamples
from ordinis_mlflow.network.train import EVALUATION_BATCH


def predict(
    network: nn.Module, samples: Samples
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Location and scale in units of volatility, as served: float32, without dropout.

    Args:
        network: windows to location and scale, on any device; left in evaluation mode.
        samples: in whose order the answer is.

    Returns:
        Two arrays of shape (samples,).
    """
    network.eval()
    device = next(network.parameters()).device
    with torch.no_grad():
        batches = DeviceSamples(samples, device).in_order(EVALUATION_BATCH)
        heads = [torch.stack(network(windows)) for windows, _ in batches]
    location, scale = torch.cat(heads, dim=1).cpu().numpy()
    return location, scale
