"""Drawn scenes for the sample photos: each draws one picture of the given size from a random source."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from api.demo.pillow import Image, ImageChops, ImageDraw, ImageOps
from api.demo.strokes import disc, garden, glow, gradient, ridge, shade, textured
from api.demo.subjects import draw_person, fir, lit_from_behind, lit_from_left, petal, tower, window

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from api.demo.strokes import Colour, Size

    Scene = Callable[[random.Random, Size], Image.Image]


def mountains(rng: random.Random, size: Size) -> Image.Image:
    """Three ridges under a summer sky, trees in front."""
    width, height = size
    image = gradient(size, (58, 120, 190), (214, 226, 232))
    glow(image, (width * rng.uniform(0.2, 0.8), height * 0.18), height * 0.5, (255, 246, 214))
    ridges: tuple[tuple[float, Colour], ...] = (
        (0.50, (142, 160, 184)), (0.62, (92, 118, 134)), (0.76, (58, 88, 72)),
    )  # fmt: skip
    for level, colour in ridges:
        image.paste(textured(rng, size, colour), (0, 0), ridge(rng, size, height * level, height * 0.16))
    draw = ImageDraw.Draw(image)
    for _ in range(90):
        x, y = rng.uniform(0, width), height * rng.uniform(0.84, 1.06)
        tall = height * rng.uniform(0.08, 0.16)
        tone = rng.randint(-12, 14)
        draw.polygon(
            [(x - tall * 0.22, y), (x, y - tall), (x + tall * 0.22, y)],
            fill=(30 + tone, 58 + tone, 40 + tone),
        )
    return image


def sea(rng: random.Random, size: Size) -> Image.Image:
    """The sun low over the sea, its light on the waves."""
    width, height = size
    horizon, sun = int(height * 0.58), width * rng.uniform(0.3, 0.7)
    image = gradient(size, (64, 78, 130), (250, 176, 110))
    glow(image, (sun, horizon - height * 0.1), height * 0.55, (255, 214, 140))
    draw = ImageDraw.Draw(image)
    radius = height * 0.06
    disc(draw, (sun, horizon - height * 0.1), radius, (255, 240, 206))
    image.paste(gradient((width, height - horizon), (170, 118, 110), (24, 44, 74)), (0, horizon))
    for _ in range(900):
        near = rng.random() ** 1.6
        y = horizon + near * (height - horizon)
        lit = rng.random() < 0.55
        x = rng.gauss(sun, width * (0.03 + 0.07 * near)) if lit else rng.uniform(0, width)
        long = (0.01 + 0.03 * near) * width
        colour = (255, 212, 150) if lit else (52 + rng.randint(0, 50), 74, 104)
        draw.ellipse((x - long, y - 1 - 3 * near, x + long, y + 1 + 3 * near), fill=colour)
    return image


def person(rng: random.Random, size: Size, *, light_behind: bool = False) -> Image.Image:
    """Head and shoulders before an unfocused garden; with the light behind, the person is dark."""
    image = garden(rng, size, bright=light_behind)
    figure = Image.new("RGBA", size, (0, 0, 0, 0))
    draw_person(rng, ImageDraw.Draw(figure), size)
    lit = lit_from_behind if light_behind else lit_from_left
    image.paste(lit(figure.convert("RGB")), (0, 0), figure.getchannel("A"))
    return image


def person_backlit(rng: random.Random, size: Size) -> Image.Image:
    """The same with the light behind."""
    return person(rng, size, light_behind=True)


def city_night(rng: random.Random, size: Size) -> Image.Image:
    """Lit windows under a moon, and their reflection."""
    width, height = size
    shore = int(height * 0.72)
    image = gradient(size, (6, 9, 24), (30, 32, 58))
    glow(image, (width * 0.78, height * 0.16), height * 0.22, (120, 126, 150))
    draw = ImageDraw.Draw(image)
    disc(draw, (width * 0.78, height * 0.16), height * 0.035, (236, 234, 220))
    x = 0.0
    while x < width:
        broad, tall = width * rng.uniform(0.05, 0.11), height * rng.uniform(0.18, 0.5)
        tower(rng, draw, (x, shore - tall, x + broad * 0.94, shore), height / 60)
        x += broad
    water = ImageOps.flip(image.crop((0, 2 * shore - height, width, shore)))
    water = water.resize((width // 40, height - shore)).resize((width, height - shore))
    image.paste(water.point([level * 0.55 for level in range(256)] * 3), (0, shore))
    return image


def flower(rng: random.Random, size: Size) -> Image.Image:
    """A blossom from near, before blurred green."""
    width, height = size
    image = garden(rng, size)
    centre, reach = (width * rng.uniform(0.42, 0.58), height * 0.5), min(size) * 0.40
    draw = ImageDraw.Draw(image)
    draw.line([centre, (centre[0] + width * 0.05, height)], fill=(62, 104, 48), width=int(reach * 0.07))
    base = rng.choice([(206, 60, 96), (232, 150, 40), (150, 92, 190), (226, 226, 236)])
    for ring, (count, length) in enumerate(((13, 1.0), (11, 0.72))):
        for place in range(count):
            angle = 2 * math.pi * (place + ring / 2) / count + rng.uniform(-0.05, 0.05)
            petal(draw, centre, angle, reach * length, shade(base, rng.randint(-22, 12) + 16 * ring))
    for _ in range(260):
        angle, far = rng.uniform(0, 2 * math.pi), reach * 0.2 * math.sqrt(rng.random())
        at = (centre[0] + math.cos(angle) * far, centre[1] + math.sin(angle) * far)
        disc(draw, at, reach * 0.016, shade((214, 160, 40), rng.randint(-60, 30)))
    return image


def facade(rng: random.Random, size: Size) -> Image.Image:
    """Windows in rows, the sun from the side."""
    width, height = size
    wall = rng.choice([(204, 178, 146), (188, 120, 92), (206, 206, 198)])
    image = textured(rng, size, wall)
    draw = ImageDraw.Draw(image)
    columns, rows = (7, 4) if width > height else (4, 6)
    for row in range(rows):
        for column in range(columns):
            x, y = width * (column + 0.24) / columns, height * (row + 0.2) / rows
            window(rng, draw, (x, y, x + width * 0.52 / columns, y + height * 0.62 / rows), wall)
        ledge = height * (row + 0.95) / rows
        draw.rectangle((0, ledge, width, ledge + height * 0.012), fill=shade(wall, 22))
    shadow = Image.new("L", size, 255)
    edge = width * rng.uniform(0.2, 0.45)
    ImageDraw.Draw(shadow).polygon([(0, 0), (edge * 1.6, 0), (edge * 0.4, height), (0, height)], fill=130)
    return ImageChops.multiply(image, Image.merge("RGB", (shadow, shadow, shadow)))


def fog(rng: random.Random, size: Size) -> Image.Image:
    """Rows of firs on hills that fade into fog."""
    width, height = size
    image = gradient(size, (204, 208, 212), (178, 184, 188))
    for row in range(4):
        level, grey = height * (0.52 + 0.13 * row), 166 - 26 * row
        colour = (grey - 6, grey, grey + 4)
        image.paste(colour, (0, 0), ridge(rng, size, level, height * 0.03))
        draw = ImageDraw.Draw(image)
        for _ in range(18 - 3 * row):
            foot = (rng.uniform(0, width), level + height * rng.uniform(0.02, 0.06))
            fir(rng, draw, foot, height * (0.12 + 0.06 * row), colour)
    return image
