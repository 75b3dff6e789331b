"""What lies at and below the horizon: mountains, hills, dunes, a city, the sea."""

import numpy as np
from PIL import Image, ImageDraw

from . import noise
from .words import Scene

SHADE = {"sunset": 0.34, "sunrise": 0.7, "day": 1.0, "night": 0.2, "storm": 0.55}


class Layer:
    """A picture with a coverage, painted once and laid over the sky at every moment."""

    def __init__(self, colour: np.ndarray, cover: np.ndarray):
        self.colour, self.cover = colour.astype(np.float32), cover.astype(np.float32)

    def over(self, picture: np.ndarray) -> np.ndarray:
        return noise.mix(picture, self.colour, self.cover)


def tone(scene: Scene, colour: tuple, light: np.ndarray, amount: float = 0.3) -> np.ndarray:
    """A day colour as it looks at this time: darker, and leaning towards the light."""
    day = np.array(colour, np.float32)
    if min(colour) > 190 and scene.time in ("day", "sunrise"):
        return day * (0.82 + 0.18 * light / 255)  # Snow gives back nearly all the light there is.
    lean = 0 if scene.time == "day" else amount
    return (day * (1 - lean) + day * light / 255 * lean * 1.4) * SHADE[scene.time] + light * 0.02


def mountains(scene: Scene, sky, rng: np.random.Generator) -> list[Layer]:
    """Three ranges; the far ones are bluer and fainter, as air makes them."""
    width, height, horizon = sky.width, sky.height, sky.horizon
    # Far rock takes the colour of the air before it: the sky's, a little above the horizon.
    haze = sky.base[int(horizon * 0.66), width // 2] * {"sunset": 0.62, "night": 0.9}.get(scene.time, 0.94)
    layers = []
    for number in range(3):
        near = number / 2
        line = noise.ridge(rng, width, 3.2 + 1.4 * number, 7, 0.75)
        tall = horizon * (0.52 - 0.16 * number)
        top = horizon + 2 - tall * (0.22 + 0.78 * line)
        cover = noise.step(-0.8, 0.8, sky.y - top[None, :])
        rock = noise.clouds(rng, width, height, 16, 12, 6)
        # Light from the sun's side: what falls away from it is dark.
        side = np.clip((sky.sun_x - np.arange(width)) / (width * 0.25), -1, 1)[None, :]
        fall = np.gradient(rock, axis=1) * width / 60 * side - np.gradient(rock, axis=0) * height / 90
        lit = np.clip(0.5 - fall * 0.9, 0, 1)
        dark = tone(scene, (58, 66, 92) if number < 2 else (48, 58, 62), sky.light)
        bright = tone(scene, (150, 150, 160) if number < 2 else (112, 120, 108), sky.light, 0.6)
        colour = noise.mix(np.broadcast_to(dark, (height, width, 3)), bright, lit)
        if "snow" in scene.things or (scene.time in ("day", "sunrise", "night") and number < 2):
            line_of_snow = 0.62 if "snow" not in scene.things else 0.16
            depth = (horizon - sky.y) / max(tall, 1) + rock * 0.16
            snow = tone(scene, (246, 248, 255), sky.light, 0.5) * (0.7 + 0.3 * lit[..., None])
            colour = noise.mix(colour, snow, noise.step(line_of_snow, line_of_snow + 0.14, depth))
        fog = np.clip((sky.y - top[None, :]) / max(tall, 1), 0, 1) * 0.35 + 0.62 * (1 - near) * 0.8
        layers.append(Layer(noise.mix(colour, haze, np.clip(fog, 0, 0.85)), cover))
    return layers


def hills(scene: Scene, sky, rng: np.random.Generator) -> list[Layer]:
    """Rolling ground from the horizon to the lower edge, with a grain of grass (or snow)."""
    width, height, horizon = sky.width, sky.height, sky.horizon
    winter = "snow" in scene.things
    far, close = ((214, 224, 238), (240, 245, 252)) if winter else ((118, 156, 92), (62, 112, 46))
    layers = []
    for number in range(4):
        near = number / 3
        line = noise.ridge(rng, width, 1.6 + number * 0.5, 4, 0.0)
        top = horizon - height * 0.04 + (height - horizon) * (0.03 + 0.24 * number) - height * (0.05 + 0.03 * number) * line
        cover = noise.step(-0.8, 0.8, sky.y - top[None, :])
        grain = noise.clouds(rng, width, height, 60 + 60 * near, 90, 3)
        broad = noise.clouds(rng, width, height, 5, 4, 2)
        depth = np.clip((sky.y - top[None, :]) / (height * 0.3), 0, 1)
        colour = tone(scene, tuple(f + (c - f) * near for f, c in zip(far, close)), sky.light, 0.45)
        rough = 0.25 if winter else 1
        light = 1.14 - 0.34 * depth * (0.4 + 0.6 * rough) + 0.10 * grain * rough + 0.14 * broad * rough
        painted = np.broadcast_to(colour, (height, width, 3)) * light[..., None]
        haze = np.full((height, width), 0.42 * (1 - near) ** 1.5, np.float32)
        layers.append(Layer(noise.mix(painted, sky.horizon_colour(), haze), cover))
    return layers


def desert(scene: Scene, sky, rng: np.random.Generator) -> list[Layer]:
    """Dunes: smooth crests, one side lit, the other in shadow, with wind ripples."""
    width, height, horizon = sky.width, sky.height, sky.horizon
    layers = []
    for number in range(4):
        line = noise.ridge(rng, width, 1.6 + number * 0.5, 2, 0.0)
        top = horizon - height * 0.05 + (height - horizon) * 0.26 * number - height * 0.08 * line
        cover = noise.step(-0.8, 0.8, sky.y - top[None, :])
        below = sky.y - top[None, :]
        bend = noise.smooth(rng, width, height, 4, 5) * 9
        ripple = np.sin(below * 0.55 + bend * 2.2 + sky.x * 0.03) * 0.05 * noise.step(0, height * 0.1, below)
        shadow = noise.step(-0.25, 0.35, np.gradient(top)[None, :] * 2.4 + noise.smooth(rng, width, height, 3, 3) * 0.3 - below / height * 0.6)
        dark = tone(scene, (176, 112, 74), sky.light, 0.4)
        bright = tone(scene, (244, 196, 128), sky.light, 0.7) * (1.25 if scene.time == "sunset" else 1)
        colour = noise.mix(np.broadcast_to(bright, (height, width, 3)), dark, shadow) * (1 + ripple)[..., None]
        haze = np.full((height, width), 0.4 * (1 - number / 3), np.float32)
        layers.append(Layer(noise.mix(colour, sky.horizon_colour(), haze), cover))
    return layers


def city(scene: Scene, sky, rng: np.random.Generator) -> list[Layer]:
    """Three rows of towers; windows are lit when it is dark enough."""
    width, height, horizon = sky.width, sky.height, sky.horizon
    layers = []
    evening = scene.time in ("night", "sunset", "storm")
    for number in range(3):
        image, cover = Image.new("RGB", (width, height)), Image.new("L", (width, height))
        draw, mask = ImageDraw.Draw(image), ImageDraw.Draw(cover)
        wall = tone(scene, ((120, 132, 152), (92, 102, 124), (62, 70, 92))[number], sky.light, 0.4)
        wall = wall * (0.45 + 0.275 * number) + sky.horizon_colour() * (0.55 - 0.275 * number) * 0.8
        x = -int(rng.integers(0, 20))
        while x < width:
            wide = int(width * rng.uniform(0.022, 0.055) * (0.8 + 0.25 * number))
            tall = int(horizon * (rng.uniform(0.16, 0.5) ** 1.1 * (1.05 - 0.2 * number) + 0.05))
            top = horizon - tall
            shade = tuple(int(v) for v in np.clip(wall * rng.uniform(0.82, 1.12), 0, 255))
            draw.rectangle([x, top, x + wide, height], fill=shade)
            mask.rectangle([x, top, x + wide, height], fill=255)
            if tall > horizon * 0.34 and rng.random() < 0.5:
                draw.line([x + wide // 2, top - tall // 6, x + wide // 2, top], fill=shade, width=2)
                mask.line([x + wide // 2, top - tall // 6, x + wide // 2, top], fill=255, width=2)
            _windows(draw, rng, (x, top, wide, horizon), number, evening, shade)
            x += wide + int(rng.integers(0, max(3, width // 110)))
        layers.append(Layer(np.asarray(image), np.asarray(cover, np.float32) / 255))
    return layers


def _windows(draw, rng: np.random.Generator, tower: tuple, row: int, evening: bool, shade: tuple) -> None:
    x, top, wide, foot = tower
    size, gap = 2 + row // 2, 5 + row
    for wy in range(top + 5, foot - 4, gap + 2):
        for wx in range(x + 4, x + wide - size - 2, gap):
            if evening and rng.random() < 0.42:
                warm = rng.uniform(0.55, 1)
                draw.rectangle([wx, wy, wx + size, wy + size + 1], fill=(int(255 * warm), int(212 * warm), int(128 * warm)))
            elif not evening and rng.random() < 0.7:
                draw.rectangle([wx, wy, wx + size, wy + size + 1], fill=tuple(min(255, int(v * 1.25) + 8) for v in shade))


class Sea:
    """Water: the sky and what stands before it mirrored, broken by ripples, with the sun's glitter."""

    def __init__(self, scene: Scene, sky, rng: np.random.Generator):
        self.scene, self.sky = scene, sky
        rows = sky.height - sky.horizon
        self.depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        # Waves look longer and flatter near the horizon: sample the ripples with perspective.
        tall = rng_field(rng, sky.width * 2, rows * 4)
        self.ripples = tall
        self.rows = (np.log1p(self.depth[:, 0] * 9) / np.log(10) * (rows * 3 - 1)).astype(int)

    def over(self, picture: np.ndarray, moment: float) -> np.ndarray:
        sky = self.sky
        rows = sky.height - sky.horizon
        shift = int(moment * sky.width * 0.18)
        lift = int(moment * rows * 0.5)
        ripple = self.ripples[(self.rows + lift) % self.ripples.shape[0], shift : shift + sky.width]
        mirror_rows = np.clip(sky.horizon - 1 - (np.arange(rows) * 0.9).astype(int), 0, sky.horizon - 1)
        wobble = ripple * (2 + 16 * self.depth)
        ys = np.clip(mirror_rows[:, None] + (wobble * 0.6).astype(int), 0, sky.horizon - 1)
        xs = np.clip(np.arange(sky.width)[None, :] + wobble.astype(int), 0, sky.width - 1)
        mirrored = picture[ys, xs]
        deep = {"sunset": (46, 34, 70), "sunrise": (70, 104, 140), "day": (16, 84, 140), "night": (5, 10, 30), "storm": (44, 56, 66)}
        own = np.array(deep[self.scene.time], np.float32)
        if self.scene.tint is not None:
            own = own * 0.7 + np.array(self.scene.tint, np.float32) * 0.18
        water = noise.mix(mirrored, own, np.clip(0.2 + 0.5 * self.depth + 0.16 * ripple, 0, 0.9))
        path = np.exp(-(((np.arange(sky.width) - sky.sun_x)[None, :] / (sky.width * (0.03 + 0.13 * self.depth))) ** 2))
        spark = noise.step(0.12, 0.62, ripple + 0.3 * path) * path
        strength = {"sunset": 0.95, "sunrise": 0.8, "day": 0.5, "night": 0.55 if "moon" in self.scene.things else 0.1, "storm": 0.08}
        water = water + sky.light * (spark * strength[self.scene.time])[..., None]
        water += (ripple * 7)[..., None]
        edge = noise.step(0, 0.035, self.depth)
        picture = picture.copy()
        picture[sky.horizon :] = noise.mix(np.broadcast_to(sky.horizon_colour() * 0.85, water.shape), water, np.broadcast_to(edge, ripple.shape))
        return picture


def rng_field(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Ripples: far wider than tall."""
    return noise.clouds(rng, width, height, 22, 130, 3) * 0.8 + noise.clouds(rng, width, height, 60, 260, 2) * 0.4
