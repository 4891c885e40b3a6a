"""The windows' pictures, drawn and worsened where the model is trained (torch).

`consumer.demo.render` draws the same with numpy; a test compares them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as functional

from consumer.demo.render import frames
from consumer.demo.thing import SIZE
from consumer.demo.world import MIN_SECONDS, Background, Script
from tools.tiny_model.batches import NOISES, Scenes
from tools.tiny_model.shape import CELL, PATCH

_MARKER_ROWS, _MARKER_COLUMNS = slice(4, 32), slice(4, 40)
_GREY = Background((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)
_BLOCK = 8


class Painter:
    """Draws pictures on one device."""

    def __init__(self, device: torch.device) -> None:
        boxes = [
            next(frames(Script(MIN_SECONDS, number, _GREY, ()), 1))[_MARKER_ROWS, _MARKER_COLUMNS, 0]
            for number in range(100)
        ]
        self._boxes = torch.from_numpy(np.stack(boxes)).float().to(device)
        self._axis = torch.arange(SIZE, device=device) + 0.5
        self._waves = _waves().to(device)

    def patches(self, scenes: Scenes, noise: torch.Tensor) -> torch.Tensor:
        """What the processor makes of the worsened pictures.

        Args:
            noise: normally distributed, shape [B, T, 3, SIZE, SIZE].

        Returns:
            Shape [B * T / 2, patches of a picture, 3 * 2 * PATCH ** 2].
        """
        return patches(self.worsen(self.paint(scenes), scenes.noises, noise).round().clamp(0, 255))

    def paint(self, scenes: Scenes) -> torch.Tensor:
        """Clean pictures, from 0 to 255, shape [B, T, 3, SIZE, SIZE]."""
        lanes, grounds = scenes.lanes, scenes.backgrounds
        across, down = self._axis.view(1, 1, 1, SIZE), self._axis.view(1, 1, SIZE, 1)
        angle = grounds[:, 6].view(-1, 1, 1, 1)
        along = ((across - SIZE / 2) * angle.cos() + (down - SIZE / 2) * angle.sin()) / SIZE
        share = (0.7 * along + 0.5).clamp(0, 1).unsqueeze(2)
        one, other = grounds[:, :3].view(-1, 1, 3, 1, 1), grounds[:, 3:6].view(-1, 1, 3, 1, 1)
        picture = (one * (1 - share) + other * share).expand(-1, lanes.shape[1], -1, -1, -1)
        for lane in lanes.unbind(2):
            x, y, radius, rotation, shape, colour, present = (
                field.view(*field.shape, 1, 1) for field in lane.unbind(-1)
            )
            dx, dy, cos, sin = across - x, down - y, rotation.cos(), rotation.sin()
            edge = _distance(dx * cos + dy * sin, dy * cos - dx * sin, shape, radius)
            cover = ((0.5 - edge).clamp(0, 1) * present).unsqueeze(2)
            index = colour.long().view(*lane.shape[:2], 1).expand(-1, -1, 3)
            paint = scenes.palettes.gather(1, index).view(*lane.shape[:2], 3, 1, 1)
            picture = picture * (1 - cover) + paint * cover
        return self._with_markers(picture, scenes.markers)

    def worsen(self, picture: torch.Tensor, dice: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Blur, noise, halved and quantised colours, other brightness: what cameras and H.264 do, about.

        Args:
            dice: from 0 to 1, shape [B, NOISES]: how much of each.
        """
        blur, grain, steps, contrast, brightness = (dice[:, k].view(-1, 1, 1, 1, 1) for k in range(NOISES))
        flat = picture.flatten(0, 1)
        blurred = functional.avg_pool2d(flat, 3, 1, 1, count_include_pad=False).view_as(picture)
        mixed = 1.6 * (blur - 0.5).clamp(min=0)
        picture = picture * (1 - mixed) + blurred * mixed + noise * 16 * (grain - 0.5).clamp(min=0)
        picture = self._coded(picture, 30 * (1.4 * steps - 0.4).clamp(min=0))
        return (picture - 128) * (1 + 0.16 * (contrast - 0.5)) + 128 + 20 * (brightness - 0.5)

    def _coded(self, picture: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Luma and halved chroma, their cosine transforms rounded to multiples of `step`."""
        red, green, blue = picture.unbind(2)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        chroma = torch.stack([(blue - luma) * 0.564, (red - luma) * 0.713], 2)
        halved = functional.avg_pool2d(chroma.flatten(0, 1), 2).unflatten(0, chroma.shape[:2])
        luma = self._rounded(luma.unsqueeze(2), step).squeeze(2)
        halved = self._rounded(halved, step)
        full = functional.interpolate(halved.flatten(0, 1), scale_factor=2, mode="bilinear").view_as(chroma)
        towards_blue, towards_red = full.unbind(2)
        return torch.stack(
            [
                luma + 1.403 * towards_red,
                luma - 0.344 * towards_blue - 0.714 * towards_red,
                luma + 1.773 * towards_blue,
            ],
            2,
        )

    def _rounded(self, planes: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        height, width = planes.shape[-2:]
        blocks = planes.unflatten(-2, (height // _BLOCK, _BLOCK)).unflatten(-1, (width // _BLOCK, _BLOCK))
        waves = self._waves @ blocks.transpose(-2, -3) @ self._waves.T
        size = step[..., None, None]
        waves = torch.where(size > 0.5, (waves / size.clamp(min=0.5)).round() * size, waves)
        return (self._waves.T @ waves @ self._waves).transpose(-2, -3).reshape(planes.shape)

    def _with_markers(self, picture: torch.Tensor, markers: torch.Tensor) -> torch.Tensor:
        box = self._boxes[markers.clamp(min=0)].view(-1, 1, 1, *self._boxes.shape[1:])
        there = (markers >= 0).view(-1, 1, 1, 1, 1)
        corner = picture[..., _MARKER_ROWS, _MARKER_COLUMNS]
        picture = picture.clone()
        picture[..., _MARKER_ROWS, _MARKER_COLUMNS] = torch.where(there, box, corner)
        return picture


def patches(pictures: torch.Tensor) -> torch.Tensor:
    """Whole numbers from 0 to 255, shape [B, T, 3, H, W], as the patches that Qwen's processor makes of them."""
    windows, count, channels, height, width = pictures.shape
    scaled = (pictures / 255 - 0.5) / 0.5
    parts = scaled.view(windows, count // 2, 2, channels, height // CELL, 2, PATCH, width // CELL, 2, PATCH)
    ordered = parts.permute(0, 1, 4, 7, 5, 8, 3, 2, 6, 9)
    return ordered.reshape(windows * count // 2, height * width // PATCH**2, channels * 2 * PATCH**2)


def _distance(x: torch.Tensor, y: torch.Tensor, shape: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """As `consumer.demo.render.distance`, for any shapes at once; the shapes by their numbers."""
    reach = (x * x + y * y).sqrt()
    circle = reach - 0.92 * radius
    square = torch.maximum(x.abs(), y.abs()) - 0.74 * radius
    lower = y - 0.12 * radius
    triangle = torch.maximum((math.sqrt(3) * x.abs() - lower) / 2, lower) - radius / 2
    fifth = 2 * math.pi / 5
    angle = (torch.remainder(torch.atan2(x, -y) + fifth / 2, fifth) - fifth / 2).abs()
    along, aside = reach * angle.cos(), reach * angle.sin()
    edge_along, edge_aside = 0.45 * math.cos(math.pi / 5) - 1, 0.45 * math.sin(math.pi / 5)
    star = ((along - radius) * edge_aside - aside * edge_along) / math.hypot(edge_along, edge_aside)
    return torch.where(shape < 0.5, circle, torch.where(shape < 1.5, square, torch.where(shape < 2.5, triangle, star)))


def _waves() -> torch.Tensor:
    """The matrix of the cosine transform of a block's side."""
    place = torch.arange(_BLOCK).float()
    waves = torch.cos((2 * place[None] + 1) * place[:, None] * math.pi / (2 * _BLOCK)) * math.sqrt(2 / _BLOCK)
    waves[0] *= math.sqrt(0.5)
    return waves
