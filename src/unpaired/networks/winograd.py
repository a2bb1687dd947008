"""3×3 convolution in float32 with a quarter of the multiplications: Winograd's F(4×4, 3×3).

Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016, arXiv:1509.09308), section
4. An output tile Y of 4×4 pixels comes from an input tile d of 6×6 (tiles overlap by 2) and a 3×3 kernel g:

    Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A

Summed over input channels, ⊙ becomes 36 independent matrix products of (K, C) by (C, tiles): 36
multiplications for 16 pixels instead of 144. Direct float32 convolution already runs at the peak of a CPU, so
only fewer multiplications are faster. The backward pass stays among the same 36 products:

    V = Bᵀ d B      U = G g Gᵀ      M = U V          Y = Aᵀ M A
    dM = A dY Aᵀ    dU = dM Vᵀ      dV = Uᵀ dM       dg = Gᵀ dU G    dd = B dV Bᵀ, overlaps summed

In float32 the result differs from a direct convolution by about 1e-5 of the largest value: rounding, grown by
factors of up to 8 in A. In float16 and bfloat16 it would be too coarse: nothing here is for them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad

from unpaired.networks.precision import Conv2d

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]

# fmt: off
_BT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
       (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))
_G = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
      (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1))
_AT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
# fmt: on


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Stride-1 convolution of a padded picture: (N, C, H + 2, W + 2), (K, C, 3, 3) → (N, K, H, W).

    Any H and W ≥ 1, best multiples of 4. First derivatives only: a second one raises `RuntimeError`.
    """
    assert weight.shape[2:] == (3, 3), f"a 3×3 kernel is needed, not {tuple(weight.shape)}"
    assert x.shape[1] == weight.shape[1], f"{x.shape[1]} channels meet a kernel for {weight.shape[1]}"
    return cast(Tensor, _Conv3x3.apply(x, weight, bias))


WIDE_VECTORS = torch.backends.cpu.get_cpu_capability() == "AVX512"
"""Whether this processor's own convolution is the faster one everywhere (measured: 0.55 to 1.04 times as fast)."""


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether `conv3x3` of `x` (N, C, H, W), before padding, is faster than torch's own convolution.

    Products of matrices grow with C·K and transforms with C + K, so that narrow layers lose; so do few tiles,
    over which the kernel's own transform is not spread. Measured with AVX2: 256 → 256 and 256 → 128 channels win
    from 64 tiles on (1.3 to 2.4 times as fast), 128 → 128 is even. With AVX512 nothing wins.
    """
    k, c = weight.shape[:2]
    tiles = len(x) * _tiles(x.shape[2]) * _tiles(x.shape[3])
    on_cpu = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return not WIDE_VECTORS and on_cpu and weight.shape[2:] == (3, 3) and c * k >= 80 * (c + k) and tiles >= 64


class WinogradConv2d(Conv2d):
    """`Conv2d` with a 3×3 kernel, stride 1 and padding 1, that takes `conv3x3` where it pays.

    Same weights, same names, same result up to rounding; `exact`, to the bit.
    """

    exact = False

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, padding_mode: PaddingMode = "zeros") -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias, padding_mode=padding_mode)

    def forward(self, input: Tensor) -> Tensor:
        # Compilers and exporters get the convolution that they know.
        if self.exact or torch.compiler.is_compiling() or not pays(input, self.weight):
            return super().forward(input)
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return conv3x3(pad(input, (1, 1, 1, 1), mode=mode), self.weight, self.bias)


def without(network: nn.Module) -> nn.Module:
    """The same network, which takes torch's own convolutions everywhere from now on."""
    for module in network.modules():
        if isinstance(module, WinogradConv2d):
            module.exact = True
    return network


class _Matrices(NamedTuple):
    """The transforms as matrices for flattened tiles and kernels: M ↦ P M Pᵀ is kron(P, P) vec(M)."""

    b: Tensor  # (36, 36): input tile → V
    bt: Tensor  # (36, 36): dV → input tile
    b_kernels: Tensor  # (36, 1, 6, 6): the same as `b`, as a convolution of stride 4
    g: Tensor  # (36, 9): kernel → U
    gt: Tensor  # (9, 36)
    a: Tensor  # (4, 6): M → Y along one axis
    at: Tensor  # (36, 16): dY → dM


@lru_cache(maxsize=8)
def _matrices(dtype: torch.dtype, device: torch.device) -> _Matrices:
    bt, g, at = (torch.tensor(m, dtype=torch.float64) for m in (_BT, _G, _AT))
    b, gg, aa = (torch.kron(m, m) for m in (bt, g, at))
    parts = (b, b.t(), b.view(36, 1, 6, 6), gg, gg.t(), at, aa.t())
    return _Matrices(*(m.to(device=device, dtype=dtype).contiguous() for m in parts))


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # V is 2.25 times as large as x and cheap to make: it is made again rather than kept for backward.
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        height, width = x.shape[2] - 2, x.shape[3] - 2
        y = _from_products(torch.bmm(_to_u(weight), _to_v(x)), len(x), height, width)
        return y if bias is None else y.add_(bias[:, None, None])

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        dx = dweight = None
        dm = _to_products(dy)
        if ctx.needs_input_grad[1]:
            du = torch.bmm(dm, _to_v(x).transpose(1, 2))
            dweight = (_matrices(x.dtype, x.device).gt @ du.view(36, -1)).t().reshape(weight.shape)
        if ctx.needs_input_grad[0]:
            dx = _from_v(torch.bmm(_to_u(weight).transpose(1, 2), dm), x.shape)
        return dx, dweight, dy.sum((0, 2, 3)) if ctx.biased else None


def _tiles(length: int) -> int:
    """4-pixel tiles that cover `length` output pixels."""
    return -(-length // 4)


def _to_u(weight: Tensor) -> Tensor:
    """(K, C, 3, 3) → U (36, K, C)."""
    k, c = weight.shape[:2]
    return (_matrices(weight.dtype, weight.device).g @ weight.reshape(k * c, 9).t()).view(36, k, c)


def _to_v(x: Tensor) -> Tensor:
    """(N, C, H + 2, W + 2) → V (36, C, N·tiles).

    As a convolution of stride 4 with 36 kernels, each channel a picture of its own: it cuts the tiles and
    transforms them in one pass over memory.
    """
    n, c, height, width = x.shape
    th, tw = _tiles(height - 2), _tiles(width - 2)
    if (4 * th + 2, 4 * tw + 2) != (height, width):
        x = pad(x, (0, 4 * tw + 2 - width, 0, 4 * th + 2 - height))
    kernels = _matrices(x.dtype, x.device).b_kernels
    v = conv2d(x.reshape(n * c, 1, *x.shape[2:]), kernels, stride=4).view(n, c, 36, th * tw)
    return v.permute(2, 1, 0, 3).reshape(36, c, n * th * tw)


def _from_v(dv: Tensor, shape: torch.Size) -> Tensor:
    """The transpose of `_to_v`: dV (36, C, N·tiles) → dx of `shape`, values of overlapping tiles summed."""
    n, c, height, width = shape
    th, tw = _tiles(height - 2), _tiles(width - 2)
    tiles = (_matrices(dv.dtype, dv.device).bt @ dv.view(36, -1)).view(6, 6, c, n, th, tw)
    # Cut into 4×4 pixels; the 2 rows and columns beyond them belong to the first 2 of the next tile.
    cut = dv.new_zeros(4, 4, c, n, th + 1, tw + 1)
    cut[..., :th, :tw] = tiles[:4, :4]
    cut[:2, :, ..., 1:, :tw] += tiles[4:, :4]
    cut[:, :2, ..., :th, 1:] += tiles[:4, 4:]
    cut[:2, :2, ..., 1:, 1:] += tiles[4:, 4:]
    return cut.permute(3, 2, 4, 0, 5, 1).reshape(n, c, 4 * th + 4, 4 * tw + 4)[:, :, :height, :width]


def _from_products(m: Tensor, n: int, height: int, width: int) -> Tensor:
    """M (36, K, N·tiles) → Y (N, K, H, W)."""
    k, (th, tw) = m.shape[1], (_tiles(height), _tiles(width))
    a = _matrices(m.dtype, m.device).a
    rows = (a @ m.view(6, -1)).view(4, 6, -1)  # one axis, then the other: 4/9 of the work of kron(Aᵀ, Aᵀ)
    y = torch.matmul(a, rows).view(4, 4, k, n, th, tw)
    y = y.permute(3, 2, 4, 0, 5, 1).reshape(n, k, 4 * th, 4 * tw)
    return y[:, :, :height, :width].contiguous()


def _to_products(dy: Tensor) -> Tensor:
    """The transpose of `_from_products`: dY (N, K, H, W) → dM (36, K, N·tiles)."""
    n, k, height, width = dy.shape
    th, tw = _tiles(height), _tiles(width)
    if (4 * th, 4 * tw) != (height, width):
        dy = pad(dy, (0, 4 * tw - width, 0, 4 * th - height))
    cut = dy.reshape(n, k, th, 4, tw, 4).permute(3, 5, 1, 0, 2, 4).reshape(16, -1)
    return (_matrices(dy.dtype, dy.device).at @ cut).view(36, k, n * th * tw)
