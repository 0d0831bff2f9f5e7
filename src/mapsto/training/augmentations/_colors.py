"""Changes of pixel values, each by an amount a row: images are float `(rows, channels, height, width)` in [0, 255].

Each function takes amounts of shape `(rows,)`. In images of one channel saturation and hue have nothing to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = (0.299, 0.587, 0.114)
"""What red, green and blue add to the brightness that the eye sees (ITU-R BT.601)."""

_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def gray(images: Tensor) -> Tensor:
    """The brightness of each pixel, `(rows, 1, height, width)`."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    return (images * images.new_tensor(WEIGHTS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Brighter where the factor is above 1; 0 is black."""
    return images * _wide(factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the image's mean brightness where the factor is above 1, toward it below."""
    return torch.lerp(gray(images).mean(dim=(2, 3), keepdim=True), images, _wide(factor))


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """More colorful where the factor is above 1; 0 is gray."""
    return images if images.shape[1] != 3 else torch.lerp(gray(images), images, _wide(factor))


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turns the colors about the gray axis; `turn` is a share of the full circle."""
    if images.shape[1] != 3:
        return images
    angle = turn * (2 * torch.pi)
    one, zero, cosine, sine = torch.ones_like(angle), torch.zeros_like(angle), angle.cos(), angle.sin()
    turned = torch.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], dim=-1).view(-1, 3, 3)
    to_yiq = torch.tensor(_TO_YIQ)
    matrix = torch.linalg.inv(to_yiq).to(images) @ turned @ to_yiq.to(images)
    return torch.einsum("nij,njhw->nihw", matrix, images)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Sharper where the factor is above 1, smoother below; the border stays."""
    kernel = images.new_tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13
    channels = images.shape[1]
    if min(images.shape[-2:]) < 3:
        return images
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = torch.nn.functional.conv2d(images, kernel.expand(channels, 1, 3, 3), groups=channels)
    return torch.lerp(smooth, images, _wide(factor))


def posterize(images: Tensor, lost_bits: Tensor) -> Tensor:
    """Rounds values down to a multiple of 2 to the power of `lost_bits`.

    Example:
        >>> posterize(torch.tensor([[[[7.0, 100.0, 255.0]]]]), torch.tensor([4.0]))
        tensor([[[[  0.,  96., 240.]]]])
    """
    step = _wide(torch.exp2(lost_bits.round()))
    return (images / step).floor() * step


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Inverts the values from the threshold on."""
    return torch.where(images >= _wide(threshold), 255.0 - images, images)


def autocontrast(images: Tensor) -> Tensor:
    """Stretches each channel to the whole range; one without contrast stays."""
    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    return torch.where(high > low, (images - low) * (255.0 / (high - low).clamp(min=1e-3)), images)


def equalize(images: Tensor) -> Tensor:
    """Spreads the values of each channel so that all are about equally frequent; one without contrast stays."""
    rows, channels, height, width = images.shape
    values = images.clamp(0, 255).round().long().view(rows * channels, -1)
    counts = torch.zeros(rows * channels, 256, device=images.device)
    counts.scatter_add_(1, values, torch.ones_like(values, dtype=counts.dtype))
    below = counts.cumsum(dim=1)
    first = below.gather(1, values.amin(dim=1, keepdim=True))
    spread = (below - first) * (255.0 / (height * width - first).clamp(min=1.0))
    new = spread.gather(1, values).view_as(images)
    return torch.where((first < height * width).view(rows, channels, 1, 1), new, images)


def gaussian_blur(images: Tensor, sigma: Tensor, widest: float) -> Tensor:
    """Smooths by a Gaussian of `sigma` pixels, at most `widest`; the border is repeated."""
    rows, channels, height, width = images.shape
    reach = min(max(1, round(3 * widest)), height - 1, width - 1)
    if reach < 1:
        return images
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-(offsets**2) / (2 * sigma.clamp(min=1e-3) ** 2).unsqueeze(1), dim=1)
    kernel = kernel.repeat_interleave(channels, dim=0)
    planes = images.reshape(1, rows * channels, height, width)
    padded = torch.nn.functional.pad(planes, (reach, reach, reach, reach), mode="replicate")
    size = 2 * reach + 1
    across = torch.nn.functional.conv2d(padded, kernel.view(-1, 1, 1, size), groups=rows * channels)
    down = torch.nn.functional.conv2d(across, kernel.view(-1, 1, size, 1), groups=rows * channels)
    return down.view_as(images)


def _wide(amount: Tensor) -> Tensor:
    return amount.view(-1, 1, 1, 1)
