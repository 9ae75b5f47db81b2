"""What stands in the scenes: people, houses, trees, petals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from api.demo.pillow import Image, ImageChops, ImageDraw
from api.demo.strokes import shade

if TYPE_CHECKING:
    import random

    from api.demo.strokes import Box, Colour, Point, Size


def draw_person(rng: random.Random, draw: ImageDraw.ImageDraw, size: Size) -> None:
    """Head and shoulders."""
    width, height = size
    x, unit = width * rng.uniform(0.46, 0.54), min(width * 0.72, height * 0.60)
    y = height * 0.42
    skin = rng.choice([(224, 180, 150), (196, 146, 112), (136, 94, 68)])
    hair = rng.choice([(60, 42, 32), (112, 78, 46), (36, 32, 34)])
    cloth = rng.choice([(58, 84, 124), (140, 62, 60), (222, 214, 200)])

    def ellipse(cx: float, cy: float, rx: float, ry: float, colour: Colour) -> None:
        box = (x + (cx - rx) * unit, y + (cy - ry) * unit, x + (cx + rx) * unit, y + (cy + ry) * unit)
        draw.ellipse(box, fill=colour)

    ellipse(0, -0.05, 0.265, 0.34, hair)
    box = (x - 0.265 * unit, y - 0.05 * unit, x + 0.265 * unit, y + 0.32 * unit)
    draw.rounded_rectangle(box, radius=0.08 * unit, fill=hair)
    draw.rectangle((x - 0.10 * unit, y + 0.1 * unit, x + 0.10 * unit, y + 0.5 * unit), fill=shade(skin, -24))
    ellipse(0, 0.98, 0.60, 0.56, cloth)
    draw.rectangle((x - 0.6 * unit, y + 0.98 * unit, x + 0.6 * unit, y + 2 * unit), fill=cloth)
    ellipse(0, 0.44, 0.13, 0.08, shade(skin, -24))
    ellipse(0, 0.03, 0.205, 0.28, skin)
    ellipse(0, -0.24, 0.215, 0.115, hair)
    for side in (-1, 1):
        ellipse(side * 0.085, 0.0, 0.030, 0.015, (240, 236, 230))
        ellipse(side * 0.085, 0.0, 0.015, 0.015, (52, 40, 34))
        ellipse(side * 0.085, -0.055, 0.045, 0.009, hair)
    ellipse(0, 0.085, 0.022, 0.016, shade(skin, -22))
    ellipse(0, 0.175, 0.056, 0.017, shade(skin, -50))
    for _ in range(70):
        strand = x + rng.uniform(-0.17, 0.17) * unit
        top = y - (0.20 + rng.uniform(0, 0.08)) * unit
        draw.line(
            (strand, top, strand + rng.uniform(-9, 9), top + 0.10 * unit),
            fill=shade(hair, rng.randint(4, 26)),
        )


def lit_from_left(image: Image.Image) -> Image.Image:
    """Darker towards one side."""
    light = (
        Image.linear_gradient("L")
        .rotate(90)
        .resize(image.size, Image.Resampling.BILINEAR)
        .point([150 + v * 0.41 for v in range(256)])
    )
    return ImageChops.multiply(image, Image.merge("RGB", (light, light, light)))


def lit_from_behind(image: Image.Image) -> Image.Image:
    """Darker throughout."""
    return image.point([level // 2 for level in range(256)] * 3)


def tower(rng: random.Random, draw: ImageDraw.ImageDraw, box: Box, pane: float) -> None:
    """A house front at night; ``pane`` is the size of its windows in pixels."""
    left, top, right, bottom = box
    dark = rng.randint(10, 24)
    draw.rectangle(box, fill=(dark, dark + 2, dark + 12))
    y = top + pane
    while y < bottom - pane:
        x = left + pane * 0.7
        while x < right - pane:
            if rng.random() < 0.42:
                warm = rng.randint(-40, 20)
                draw.rectangle((x, y, x + pane * 0.6, y + pane * 0.8), fill=shade((250, 206, 126), warm))
            x += pane * 1.15
        y += pane * 1.7


def petal(draw: ImageDraw.ImageDraw, centre: Point, angle: float, length: float, colour: Colour) -> None:
    """A petal that points from the centre in the direction ``angle`` (radians)."""

    def at(along: float, across: float) -> Point:
        x = centre[0] + length * (along * math.cos(angle) - across * math.sin(angle))
        return x, centre[1] + length * (along * math.sin(angle) + across * math.cos(angle))

    steps = [i / 20 for i in range(21)]
    side = [(t, 0.2 * math.sin(math.pi * t**0.8)) for t in steps]
    outline = [at(t, w) for t, w in side] + [at(t, -w) for t, w in reversed(side)]
    draw.polygon(outline, fill=colour)
    for across in (-0.05, 0.0, 0.05):
        draw.line([at(0.2, across * 0.5), at(0.88, across)], fill=shade(colour, -26), width=2)


def window(rng: random.Random, draw: ImageDraw.ImageDraw, box: Box, wall: Colour) -> None:
    """A window with its frame, some with a blind."""
    left, top, right, bottom = box
    frame = (right - left) * 0.07
    draw.rectangle((left - frame, top - frame, right + frame, bottom + frame), fill=shade(wall, 34))
    glass = rng.choice([(64, 84, 104), (50, 60, 72), (110, 142, 168)])
    draw.rectangle(box, fill=glass)
    draw.polygon([(left, bottom), (left, top), (right, top)], fill=shade(glass, 22))
    middle = (left + right) / 2
    draw.rectangle((middle - frame / 2, top, middle + frame / 2, bottom), fill=shade(wall, 34))
    if rng.random() < 0.3:
        draw.rectangle((left, top, right, top + (bottom - top) * rng.uniform(0.2, 0.7)), fill=(214, 206, 188))


def fir(rng: random.Random, draw: ImageDraw.ImageDraw, foot: Point, tall: float, colour: Colour) -> None:
    """A fir of about ``tall`` pixels."""
    x, y = foot
    tall *= rng.uniform(0.7, 1.2)
    needles = shade(colour, rng.randint(-18, -8))
    for layer in range(5):
        low, broad = y - tall * 0.19 * layer, tall * (0.22 - 0.036 * layer)
        draw.polygon([(x - broad, low), (x, low - tall * 0.36), (x + broad, low)], fill=needles)
