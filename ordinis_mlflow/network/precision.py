"""Mixed precision: which type the forward pass runs in, on which device."""

import contextlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """Type of the forward pass; None for plain float32.

    bf16 keeps float32's range and needs no loss scaling. fp16 does not, so GPUs without bf16 also
    need a GradScaler.
    """

    dtype: torch.dtype | None

    @classmethod
    def choose(cls, device: torch.device, mixed: bool) -> "Precision":
        """bf16 on CPUs and on GPUs that have it, fp16 on older GPUs, float32 when off."""
        if not mixed:
            return cls(None)
        if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            return cls(torch.float16)
        return cls(torch.bfloat16)

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would underflow without a GradScaler."""
        return self.dtype is torch.float16

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(device.type, self.dtype)
