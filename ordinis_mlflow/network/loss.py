"""The loss: negative log-likelihood of the Student-t forecast."""

import torch


def negative_log_likelihood(
    location: torch.Tensor, scale: torch.Tensor, target: torch.Tensor, degrees_of_freedom: int
) -> torch.Tensor:
    """Mean negative log density, a scalar in nats, computed in float32.

    Args:
        location: shape (batch,).
        scale: shape (batch,), positive.
        target: shape (batch,), in the forecast's units.
        degrees_of_freedom: of the Student-t distribution.
    """
    forecast = torch.distributions.StudentT(
        float(degrees_of_freedom), location.float(), scale.float(), validate_args=False
    )
    return -forecast.log_prob(target).mean()
