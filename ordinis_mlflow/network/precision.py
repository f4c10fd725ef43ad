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
        """bf16 where the device has it, else fp16 on GPUs and float32 on CPUs; float32 when off."""
        if not mixed:
            return cls(None)
        if device.type == "cuda":
            has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            return cls(torch.bfloat16 if has_bf16 else torch.float16)
        return cls(torch.bfloat16 if _cpu_has_bf16() else None)

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would underflow without a GradScaler."""
        return self.dtype is torch.float16

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(device.type, self.dtype)


def _cpu_has_bf16() -> bool:
    """Without AVX-512, oneDNN refuses a bf16 LSTM with an error rather than emulating it."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
