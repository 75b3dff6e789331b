"""What stands in the scene: trees, palms, a boat, birds, a house, a cat, flowers; and what falls: snow, rain."""

import math
import random

from PIL import Image, ImageDraw

from .words import Scene

FINE = 2  # Silhouettes are drawn this much larger and made small again, which smooths their edges.


def _leaf(colour: tuple, factor: float) -> tuple:
    return tuple(max(0, min(255, int(value * factor))) for value in colour)


def pine(draw: ImageDraw.ImageDraw, chance: random.Random, x: float, foot: float, tall: float, colour: tuple, snow: bool) -> None:
    draw.rectangle([x - tall * 0.02, foot - tall * 0.12, x + tall * 0.02, foot], fill=_leaf(colour, 0.6))
    rows = 9
    for row in range(rows):
        top = foot - tall * (1 - row / rows * 0.9)
        wide = tall * (0.035 + 0.2 * (row + 1) / rows) * chance.uniform(0.88, 1.1)
        low = top + tall * 0.17
        edge = [(x, top), (x + wide, low), (x + wide * 0.4, low - tall * 0.03), (x - wide * 0.4, low - tall * 0.03), (x - wide, low)]
        draw.polygon(edge, fill=_leaf(colour, 0.8 + 0.05 * row * chance.uniform(0.6, 1.2)))
        if snow:
            draw.polygon([(x, top), (x + wide * 0.62, low - tall * 0.05), (x, low - tall * 0.07), (x - wide * 0.7, low - tall * 0.045)], fill=(232, 238, 248))


def broadleaf(draw: ImageDraw.ImageDraw, chance: random.Random, x: float, foot: float, tall: float, colour: tuple) -> None:
    draw.polygon([(x - tall * 0.035, foot), (x - tall * 0.015, foot - tall * 0.6), (x + tall * 0.015, foot - tall * 0.6), (x + tall * 0.035, foot)], fill=_leaf((84, 62, 46), colour[1] / 110))
    for number in range(60):
        angle, away = chance.uniform(0, 6.283), math.sqrt(chance.random())
        cx, cy = x + math.cos(angle) * away * tall * 0.27, foot - tall * 0.68 + math.sin(angle) * away * tall * 0.27
        size = tall * chance.uniform(0.05, 0.1)
        light = 0.66 + 0.3 * number / 60 - 0.35 * math.sin(angle) * away
        draw.ellipse([cx - size, cy - size, cx + size, cy + size], fill=_leaf(colour, light))


def palm(draw: ImageDraw.ImageDraw, chance: random.Random, x: float, foot: float, tall: float, colour: tuple) -> None:
    lean = chance.uniform(0.12, 0.3) * chance.choice((-1, 1))
    points = [(x + lean * tall * (i / 20) ** 1.8, foot - tall * i / 20) for i in range(21)]
    for i, (px, py) in enumerate(points):
        wide = tall * (0.028 - 0.013 * i / 20)
        draw.ellipse([px - wide, py - wide * 1.6, px + wide, py + wide * 1.6], fill=colour)
    cx, cy = points[-1]
    for number in range(11):
        angle = -math.pi * (number + chance.uniform(-0.2, 0.2)) / 10
        length = tall * chance.uniform(0.3, 0.42)
        spine = []
        for i in range(15):
            t = i / 14
            spine.append((cx + math.cos(angle) * length * t, cy + math.sin(angle) * length * t * 0.7 + length * 0.75 * t * t))
        for i, (px, py) in enumerate(spine[1:], 1):
            drop = length * 0.17 * math.sin(math.pi * (i / 14) ** 0.7)
            draw.line([(px, py), (px - math.cos(angle) * drop * 0.3, py + drop)], fill=colour, width=max(2, int(tall * 0.012)))
        draw.line(spine, fill=colour, width=max(2, int(tall * 0.014)))


def boat(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float, hull: tuple, sail: tuple) -> None:
    draw.polygon([(x - size * 0.5, foot - size * 0.13), (x + size * 0.55, foot - size * 0.13), (x + size * 0.38, foot + size * 0.03), (x - size * 0.4, foot + size * 0.03)], fill=hull)
    draw.line([(x, foot - size * 0.1), (x, foot - size * 1.3)], fill=hull, width=max(2, int(size * 0.03)))
    draw.polygon([(x + size * 0.04, foot - size * 1.26), (x + size * 0.04, foot - size * 0.2), (x + size * 0.5, foot - size * 0.2)], fill=sail)
    draw.polygon([(x - size * 0.04, foot - size * 1.14), (x - size * 0.04, foot - size * 0.2), (x - size * 0.4, foot - size * 0.2)], fill=_leaf(sail, 0.86))


def bird(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, flap: float, colour: tuple) -> None:
    lift = size * (0.25 + 0.3 * flap)
    for side in (-1, 1):
        draw.line([(x, y), (x + side * size * 0.45, y - lift), (x + side * size, y - lift * 0.45)], fill=colour, width=max(2, int(size * 0.16)), joint="curve")


def house(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float, dim: float, lit: bool) -> None:
    wall, roof = _leaf((206, 178, 142), dim), _leaf((146, 62, 48), dim)
    draw.rectangle([x + size * 0.24, foot - size * 1.02, x + size * 0.36, foot - size * 0.6], fill=_leaf((120, 84, 70), dim))
    draw.rectangle([x - size * 0.5, foot - size * 0.5, x + size * 0.5, foot], fill=wall)
    draw.polygon([(x - size * 0.62, foot - size * 0.48), (x, foot - size * 0.98), (x + size * 0.62, foot - size * 0.48)], fill=roof)
    window = (255, 214, 120) if lit else _leaf((150, 190, 220), dim)
    for side in (-0.34, 0.16):
        draw.rectangle([x + size * side, foot - size * 0.38, x + size * (side + 0.18), foot - size * 0.2], fill=window)
    draw.rectangle([x - size * 0.08, foot - size * 0.32, x + size * 0.08, foot], fill=_leaf((96, 62, 44), dim))


def cat(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float, colour: tuple) -> None:
    """A sitting cat from behind, looking at the view."""
    draw.ellipse([x - size * 0.34, foot - size * 0.86, x + size * 0.34, foot + size * 0.02], fill=colour)
    draw.ellipse([x - size * 0.23, foot - size * 1.2, x + size * 0.23, foot - size * 0.78], fill=colour)
    for side in (-1, 1):
        draw.polygon([(x + side * size * 0.22, foot - size * 1.04), (x + side * size * 0.19, foot - size * 1.34), (x + side * size * 0.04, foot - size * 1.16)], fill=colour)
    draw.arc([x + size * 0.1, foot - size * 0.5, x + size * 0.86, foot + size * 0.04], 20, 165, fill=colour, width=max(3, int(size * 0.09)))


def flowers(draw: ImageDraw.ImageDraw, chance: random.Random, width: int, height: int, horizon: int, tint: tuple | None, dim: float) -> None:
    colours = [tint] if tint else [(226, 54, 62), (250, 206, 70), (236, 120, 170), (150, 96, 206), (250, 250, 246)]
    spots = sorted(chance.uniform(0.25, 1) for _ in range(700))
    for depth in spots:
        x, y = chance.uniform(0, width), horizon + (height - horizon) * depth
        size = 0.9 + depth * depth * height * 0.009
        colour = _leaf(chance.choice(colours), max(dim, 0.4) * chance.uniform(0.8, 1.12))
        draw.line([(x, y), (x, y + size * 3)], fill=_leaf((50, 96, 44), dim), width=max(1, int(size * 0.4)))
        draw.ellipse([x - size, y - size * 0.8, x + size, y + size * 0.8], fill=colour)


def standing(scene: Scene, width: int, height: int, horizon: int, sun_x: float, dim: float) -> Image.Image:
    """Everything that does not move, on one transparent picture."""
    chance = random.Random(scene.seed + 7)
    image = Image.new("RGBA", (width * FINE, height * FINE))
    draw = ImageDraw.Draw(image)
    w, h, line = width * FINE, height * FINE, horizon * FINE
    dark = scene.time in ("sunset", "night")
    winter = "snow" in scene.things
    if "flowers" in scene.things:
        flowers(draw, chance, w, h, line, scene.tint, dim)
    if "trees" in scene.things:
        leaf = (18, 22, 26) if dark else _leaf((52, 92, 52), dim + 0.1)
        use_pines = winter or bool(scene.things & {"mountains", "aurora"}) or chance.random() < 0.4
        places = sorted((chance.uniform(0.12, 0.95), chance.uniform(0, 1)) for _ in range(26))
        for depth, side in places:
            x = side * w
            # The middle stays open, so that the view does; and no tree stands in the water.
            if (depth > 0.4 and 0.3 < side < 0.7) or (depth < 0.72 and "sea" in scene.things):
                continue
            tall = h * (0.07 + 0.34 * depth)
            foot = line + (h - line) * (0.06 + 0.86 * depth)
            if use_pines:
                pine(draw, chance, x, foot, tall, leaf, winter and not dark)
            else:
                broadleaf(draw, chance, x, foot, tall, leaf if dark else _leaf(leaf, 1.25))
    if "house" in scene.things:
        deep = 0.8 if "sea" in scene.things else 0.4
        house(draw, w * chance.uniform(0.6, 0.76), line + (h - line) * deep, h * 0.17, dim + 0.1, scene.time in ("night", "sunset", "storm"))
    if "palms" in scene.things:
        colour = (20, 14, 24) if dark else _leaf((44, 74, 44), dim)
        side = 0.14 if sun_x > width / 2 else 0.86
        draw.ellipse([w * side - w * 0.24, h * 0.93, w * side + w * 0.24, h * 1.2], fill=(18, 13, 22) if dark else _leaf((226, 198, 146), dim))
        for offset, tall in ((0, 0.62), (0.06, 0.46), (-0.05, 0.4)):
            palm(draw, chance, w * (side + offset), h * 0.97, h * tall, colour)
    if "cat" in scene.things:
        cat(draw, w * 0.42, h * 0.96, h * 0.26, (14, 13, 18) if dark else (60, 50, 46))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def moving(scene: Scene, width: int, height: int, horizon: int, sun_x: float, moment: float) -> Image.Image | None:
    """Boat, birds, snow and rain, at a moment between 0 and 1; None when the scene has none of them."""
    if not scene.things & {"boat", "birds", "snow", "rain"}:
        return None
    chance = random.Random(scene.seed + 11)
    image = Image.new("RGBA", (width * FINE, height * FINE))
    draw = ImageDraw.Draw(image)
    w, h, line = width * FINE, height * FINE, horizon * FINE
    if "boat" in scene.things:
        dark = scene.time in ("sunset", "night")
        side = (0.28 if sun_x > width / 2 else 0.66) + 0.12 * moment
        bob = math.sin(moment * 12) * h * 0.003
        boat(draw, w * side, line + (h - line) * 0.2 + bob, h * 0.12, (24, 16, 26) if dark else (120, 62, 44), (70, 44, 60) if dark else (250, 246, 236))
    if "birds" in scene.things:
        for _ in range(7):
            x, y = chance.uniform(0.12, 0.8) * w, chance.uniform(0.2, 0.55) * line
            size, phase = chance.uniform(0.008, 0.017) * w, chance.uniform(0, 6)
            bird(draw, x + moment * w * 0.12, y - moment * h * 0.02, size, math.sin(moment * 30 + phase), (28, 22, 36, 235))
    if "rain" in scene.things:
        for _ in range(420):
            x, y, length = chance.uniform(-0.1, 1) * w, chance.random(), chance.uniform(0.03, 0.07) * h
            y = ((y + moment * 6) % 1) * h * 1.1 - length
            draw.line([(x, y), (x + length * 0.18, y + length)], fill=(206, 216, 230, chance.randint(40, 110)), width=2)
    elif "snow" in scene.things:
        for _ in range(300):
            x, y, size = chance.random(), chance.random(), chance.uniform(0.8, 3.6) * FINE / 2 * height / 512
            x = (x + 0.02 * math.sin(moment * 9 + y * 40)) * w
            y = ((y + moment * 0.8 * (0.5 + size / 4)) % 1) * h
            draw.ellipse([x - size, y - size, x + size, y + size], fill=(255, 255, 255, chance.randint(120, 235)))
    return image.resize((width, height), Image.Resampling.BILINEAR)
