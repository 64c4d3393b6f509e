"""Where a process trains: its device, and its number among those that ``torchrun`` has started."""

import os
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import PreTrainedModel

from causette.lab.anatomy import layers_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of ``world`` processes, with its device."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> "Place":
        """This process's: in the group that ``torchrun`` has started, or alone; on an accelerator if there is one."""
        local = int(os.environ.get("LOCAL_RANK", "0"))
        device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if "WORLD_SIZE" not in os.environ:
            return cls(device=device)
        if not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        return cls(device=device, rank=dist.get_rank(), world=dist.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.rank == 0

    def total(self, value: float) -> float:
        """The sum of what each process has."""
        if self.world == 1:
            return value
        summed = torch.tensor(value, dtype=torch.float64)
        if self.device.type == "cuda":
            summed = summed.to(self.device)
        dist.all_reduce(summed)
        return summed.item()

    def gathered(self, value: T) -> list[T]:
        """What each process has, in their order."""
        if self.world == 1:
            return [value]
        values = [value] * self.world
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()

    def shard(self, model: PreTrainedModel, precision: torch.dtype) -> None:
        """Spread weights, gradients and optimizer over the processes, layer by layer (FSDP2)."""
        if self.world == 1:
            return
        policy = MixedPrecisionPolicy(param_dtype=precision, reduce_dtype=torch.float32)
        for layer in layers_of(model):
            fully_shard(layer, mp_policy=policy)
        fully_shard(model, mp_policy=policy)
