"""A network as the chain of its convolutions: what can be told from tensors without knowing their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


class Unlike(Exception):
    """Why a network is not of some kind; becomes part of a `UserError`."""


@dataclass(slots=True)
class Norm:
    """Tensors of a normalisation, (C,) each."""

    weight: Tensor | None = None
    bias: Tensor | None = None
    mean: Tensor | None = None
    variance: Tensor | None = None


@dataclass(slots=True)
class Convolution:
    """A convolution, whichever way round, and the normalisation after it where that has tensors."""

    name: str
    weight: Tensor
    bias: Tensor | None = None
    norm: Norm | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.weight.shape)


@dataclass(slots=True)
class Chain:
    """Convolutions in the order of the file, and blurs between them."""

    convolutions: list[Convolution] = field(default_factory=list[Convolution])
    blurs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Fixed filters: how many convolutions come before, and the filter's side."""
    counted: bool = False
    """Whether norms count their batches, as those with running statistics do since PyTorch 0.4.1."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [c.shape for c in self.convolutions]

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.convolutions]


FIELDS = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance"}


def read_chain(tensors: Mapping[str, Tensor]) -> Chain:
    """Raises `Unlike` where there is something that no network of these families has."""
    chain = Chain()
    norms: dict[str, Norm] = {}
    for name, tensor in tensors.items():
        module, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":
            chain.counted = True
            continue
        if leaf == "filt":
            _check_filter(name, tensor)
            chain.blurs.append((len(chain.convolutions), tensor.shape[-1]))
        elif leaf == "weight" and tensor.ndim == 4:
            chain.convolutions.append(Convolution(module, tensor))
        elif leaf in FIELDS and tensor.ndim == 1 and chain.convolutions:
            last = chain.convolutions[-1]
            if leaf == "bias" and module == last.name:
                last.bias = tensor
                continue
            if module not in norms:
                if last.norm is not None:
                    raise Unlike(f"two normalisations follow {last.name}")
                last.norm = norms[module] = Norm()
            if len(tensor) not in last.shape[:2]:
                raise Unlike(f"{name} does not belong to {last.name}, which comes before it")
            setattr(norms[module], FIELDS[leaf], tensor)
        else:
            raise Unlike(f"{name}, {'×'.join(map(str, tensor.shape)) or 'a number'}, belongs to no layer known here")
    return chain


def _check_filter(name: str, tensor: Tensor) -> None:
    """Zhang's filters 1 2 1 (sum 1) and 1 3 3 1 (sum 4, for doubling) along each axis, for every channel."""
    lines = {3: ([1.0, 2.0, 1.0], 1.0), 4: ([1.0, 3.0, 3.0, 1.0], 4.0)}
    line, total = lines.get(tensor.shape[-1], ([0.0], 1.0))
    weights = torch.outer(torch.tensor(line), torch.tensor(line))
    expected = (total * weights / weights.sum()).expand_as(tensor) if tensor.shape[2:] == weights.shape else None
    if expected is None or not torch.allclose(tensor, expected, atol=1e-4):
        raise Unlike(f"the filter {name} is not one of CUT's")
