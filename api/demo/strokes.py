"""What the scenes are painted with: gradients, glows, textures, outlines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from api.demo.pillow import Image, ImageDraw, ImageFilter, ImageOps

if TYPE_CHECKING:
    import random

    Size = tuple[int, int]  # pixels
    Colour = tuple[int, int, int]
    Point = tuple[float, float]
    Box = tuple[float, float, float, float]

_ROUND: Final = Image.radial_gradient("L")  # black in the middle, white outside


def gradient(size: Size, top: Colour, bottom: Colour) -> Image.Image:
    """From ``top`` to ``bottom``."""
    # One column, then stretched: the resampling of a whole picture of it would be ten times the work.
    column = ImageOps.colorize(Image.linear_gradient("L").resize((1, size[1])), top, bottom)
    return column.resize(size, Image.Resampling.NEAREST)


def glow(image: Image.Image, centre: Point, radius: float, colour: Colour) -> None:
    """Lighten a round patch of the image, fading outwards; all measures in pixels."""
    edge = int(2 * radius)
    mask = ImageOps.invert(_ROUND.resize((edge, edge)).point([min(255, int(v * 1.42)) for v in range(256)]))
    image.paste(colour, (int(centre[0] - radius), int(centre[1] - radius)), mask)


def disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, colour: Colour) -> None:
    """A filled circle."""
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def shade(colour: Colour, by: int) -> Colour:
    """The colour, lighter or darker by so many levels of 255."""
    red, green, blue = (min(255, max(0, part + by)) for part in colour)
    return red, green, blue


def textured(rng: random.Random, size: Size, colour: Colour) -> Image.Image:
    """An even colour with a little grain."""
    grain = Image.frombytes("L", (size[0] // 4, size[1] // 4), rng.randbytes((size[0] // 4) * (size[1] // 4)))
    return ImageOps.colorize(grain.resize(size, Image.Resampling.BILINEAR), shade(colour, -12), shade(colour, 12))


def ridge(rng: random.Random, size: Size, level: float, swing: float) -> Image.Image:
    """A mask, white below an uneven line around ``level`` (pixels from the top)."""
    heights = [level + rng.uniform(-swing, swing) for _ in range(5)]
    while len(heights) < size[0] // 16:
        swing *= 0.52
        between = [(a + b) / 2 + rng.uniform(-swing, swing) for a, b in pairwise(heights)]
        heights = [h for pair in zip(heights, [*between, 0], strict=True) for h in pair][:-1]
    step = size[0] / (len(heights) - 1)
    mask = Image.new("L", size, 0)
    line = [(i * step, h) for i, h in enumerate(heights)]
    ImageDraw.Draw(mask).polygon([(0, size[1]), *line, size], fill=255)
    return mask


def garden(rng: random.Random, size: Size, *, bright: bool = False) -> Image.Image:
    """Unfocused green, or in bright light nearly white."""
    # Drawn small and enlarged: a blur that costs nothing.
    small = (size[0] // 8, size[1] // 8)
    colours = ((226, 234, 200), (196, 220, 160)) if bright else ((96, 128, 92), (52, 84, 50))
    image = gradient(small, *colours)
    draw = ImageDraw.Draw(image)
    for _ in range(46):
        at = (rng.uniform(0, small[0]), rng.uniform(0, small[1]))
        disc(draw, at, small[1] * rng.uniform(0.03, 0.09), shade(rng.choice(colours), rng.randint(-14, 34)))
    return image.filter(ImageFilter.GaussianBlur(small[1] / 55)).resize(size, Image.Resampling.BILINEAR)
