"""The sky: gradient, sun, moon, stars, clouds, aurora, rainbow."""

import numpy as np

from . import noise
from .words import Scene

# Colour stops from the top of the sky (0) to the horizon (1).
SKIES = {
    "sunset": [(0, (34, 32, 84)), (0.28, (96, 52, 120)), (0.52, (196, 76, 92)), (0.74, (244, 132, 68)), (0.9, (255, 190, 98)), (1, (255, 220, 140))],
    "sunrise": [(0, (92, 132, 196)), (0.35, (152, 164, 212)), (0.62, (238, 178, 190)), (0.82, (255, 206, 166)), (1, (255, 236, 192))],
    "day": [(0, (44, 112, 204)), (0.45, (104, 168, 232)), (0.8, (176, 214, 244)), (1, (226, 240, 248))],
    "night": [(0, (6, 9, 28)), (0.5, (14, 24, 60)), (0.85, (32, 48, 96)), (1, (54, 70, 118))],
    "storm": [(0, (38, 44, 56)), (0.5, (72, 80, 94)), (0.85, (122, 128, 136)), (1, (158, 160, 158))],
}
LIGHTS = {"sunset": (255, 176, 92), "sunrise": (255, 214, 164), "day": (255, 250, 230), "night": (196, 212, 255), "storm": (206, 210, 216)}


def gradient(stops: list, amount: np.ndarray) -> np.ndarray:
    places = [place for place, _ in stops]
    return np.stack([np.interp(amount, places, [colour[c] for _, colour in stops]) for c in range(3)], -1).astype(np.float32)


class Sky:
    """Everything above the horizon; `frame` paints it for a moment between 0 and 1."""

    def __init__(self, scene: Scene, width: int, height: int, horizon: int, rng: np.random.Generator):
        self.scene, self.width, self.height, self.horizon = scene, width, height, horizon
        self.y, self.x = np.mgrid[0:height, 0:width].astype(np.float32)
        self.base = gradient(SKIES[scene.time], np.clip(self.y / max(horizon, 1), 0, 1))
        if scene.tint is not None:
            # A named colour leans the whole light; the lightness stays.
            lightness = self.base.mean(-1, keepdims=True) / 255
            self.base = self.base * 0.62 + np.array(scene.tint, np.float32) * (0.25 + 0.75 * lightness) * 0.38
        self.sun_x = float(rng.uniform(0.3, 0.7)) * width
        self.light = np.array(LIGHTS[scene.time], np.float32)
        # Twice as wide as the picture, so that clouds can drift.
        wide = width * 2
        self.cover = noise.clouds(rng, wide, height, 9, 12, 6)
        self.streaks = noise.clouds(rng, wide, height, 6, 34, 5)
        self.stars = self._stars(rng) if "stars" in scene.things else None
        self.curtain = noise.clouds(rng, wide, 4, 26, 1, 4)[0] if "aurora" in scene.things else None

    def sun_y(self, moment: float) -> float:
        height = {"sunset": 0.84 + 0.12 * moment, "sunrise": 0.86 - 0.14 * moment, "day": 0.24, "night": 0.26, "storm": 0.3}
        return height[self.scene.time] * self.horizon

    def horizon_colour(self) -> np.ndarray:
        return self.base[max(self.horizon - 2, 0), self.width // 2]

    def _stars(self, rng: np.random.Generator) -> list:
        count = int(self.width * self.horizon / 900)
        xs = rng.integers(0, self.width, count)
        ys = (rng.random(count) ** 1.4 * self.horizon * 0.95).astype(int)
        return [xs, ys, rng.random(count) ** 3, rng.random(count) * 6.283]

    def frame(self, moment: float) -> np.ndarray:
        picture = self.base.copy()
        if self.stars is not None:
            self._paint_stars(picture, moment)
        if self.curtain is not None:
            self._paint_aurora(picture, moment)
        shows_sun = self.scene.time in ("sunset", "sunrise", "day") or "moon" in self.scene.things
        distance = np.hypot(self.x - self.sun_x, self.y - self.sun_y(moment))
        if shows_sun:
            picture = self._paint_sun(picture, distance)
        if "clouds" in self.scene.things:
            picture = self._paint_clouds(picture, distance, moment)
        if "rainbow" in self.scene.things:
            picture = self._paint_rainbow(picture)
        return picture

    def _paint_sun(self, picture: np.ndarray, distance: np.ndarray) -> np.ndarray:
        unit = min(self.width, self.height)
        radius = unit * (0.062 if self.scene.time in ("sunset", "sunrise") else 0.046)
        glow = np.exp(-distance / (unit * 0.34)) * 0.62 + np.exp(-distance / (unit * 0.11)) * 0.5
        glow = glow * {"night": 0.35, "sunrise": 0.6, "day": 0.7}.get(self.scene.time, 1)
        picture = picture + self.light * glow[..., None] * 0.55
        disc = noise.step(radius + 1.6, radius - 1.6, distance)
        colours = {"sunset": (255, 244, 205), "sunrise": (255, 252, 238), "day": (255, 255, 246)}
        face = np.broadcast_to(np.array(colours.get(self.scene.time, (240, 240, 228)), np.float32), picture.shape)
        if self.scene.time == "night":
            spots = noise.step(0.05, 0.5, self.cover[:, : self.width])
            face = face - (spots * 34)[..., None]
        return picture * (1 - disc[..., None]) + face * disc[..., None]

    def _paint_clouds(self, picture: np.ndarray, distance: np.ndarray, moment: float) -> np.ndarray:
        shift = int(moment * self.width * 0.12)
        thin = max(1, int(self.width * 0.012))
        heavy = self.scene.time == "storm"
        field, edge = (self.cover, -0.12) if heavy or self.scene.time == "day" else (self.streaks, 0.1)
        cover = field[:, shift : shift + self.width]
        towards = field[:, shift + thin : shift + thin + self.width]
        amount = noise.step(edge, edge + 0.5, cover) * (0.9 if heavy else 0.8)
        amount = amount * noise.step(1.02, 0.84, self.y / max(self.horizon, 1))
        near = np.exp(-distance / (self.width * 0.34))
        lit = np.clip(0.45 + (cover - towards) * 2.2 + near * 0.75 - noise.step(edge + 0.2, edge + 0.9, cover) * 0.35, 0, 1)
        shade = {"sunset": (92, 52, 96), "sunrise": (168, 150, 182), "day": (186, 200, 216), "night": (20, 28, 56), "storm": (48, 52, 62)}
        bright = {"sunset": (255, 158, 96), "sunrise": (255, 226, 204), "day": (255, 255, 255), "night": (62, 78, 122), "storm": (146, 150, 156)}
        colour = noise.mix(np.array(shade[self.scene.time], np.float32), bright[self.scene.time], lit)
        if self.scene.tint is not None:
            colour = colour * 0.8 + np.array(self.scene.tint, np.float32) * 0.2
        return noise.mix(picture, colour, amount)

    def _paint_stars(self, picture: np.ndarray, moment: float) -> None:
        xs, ys, strength, phase = self.stars
        twinkle = strength * (0.75 + 0.25 * np.sin(phase + moment * 25))
        picture[ys, xs] = np.maximum(picture[ys, xs], (90 + 165 * twinkle)[:, None])
        for x, y, power in zip(xs, ys, twinkle):
            if power > 0.72 and 0 < x < self.width - 1 and 0 < y < self.height - 1:
                picture[y - 1 : y + 2, x] += 70 * power
                picture[y, x - 1 : x + 2] += 70 * power

    def _paint_aurora(self, picture: np.ndarray, moment: float) -> None:
        shift = int(moment * self.width * 0.3)
        line = self.curtain[shift : shift + self.width]
        foot = self.horizon * (0.62 + 0.16 * np.sin(np.arange(self.width) / self.width * 7 + moment * 2) + 0.08 * line)
        above = (foot[None, :] - self.y) / (self.horizon * 0.5)
        veil = np.where(above > 0, np.exp(-above * 2.6), np.exp(above * 26)) * (0.55 + 0.45 * np.clip(line * 1.6, -1, 1))[None, :]
        colour = gradient([(0, (70, 255, 150)), (0.5, (50, 200, 190)), (1, (150, 70, 220))], np.clip(above, 0, 1))
        picture += colour * veil[..., None] * 0.8

    def _paint_rainbow(self, picture: np.ndarray) -> np.ndarray:
        centre, radius, band = self.width * 0.62, self.width * 0.5, self.width * 0.045
        place = (np.hypot(self.x - centre, self.y - self.horizon * 1.15) - radius) / band
        colours = [(0, (150, 70, 220)), (0.25, (60, 110, 240)), (0.5, (70, 200, 110)), (0.75, (250, 220, 70)), (1, (235, 60, 60))]
        amount = noise.step(0, 0.15, place) * noise.step(1, 0.85, place) * 0.5
        return noise.mix(picture, gradient(colours, np.clip(place, 0, 1)), amount)
