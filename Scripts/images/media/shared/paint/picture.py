"""Puts a painting together: sky, land, water, details, and a last coat of brush and canvas."""

import numpy as np
from PIL import Image

from . import details, land, noise
from .sky import Sky
from .words import Scene


class Painting:
    """A scene at a size. Building it does the costly work once; `frame` then paints any moment."""

    def __init__(self, scene: Scene, width: int, height: int):
        self.scene, self.width, self.height = scene, width, height
        rng = np.random.default_rng(scene.seed)
        things = scene.things
        wide_ground = things & {"hills", "desert"}
        self.horizon = int(height * (0.56 if wide_ground else 0.6))
        self.sky = Sky(scene, width, height, self.horizon, rng)
        self.behind: list[land.Layer] = []
        if "mountains" in things:
            self.behind += land.mountains(scene, self.sky, rng)
        if "city" in things:
            self.behind += land.city(scene, self.sky, rng)
        self.sea = None
        self.front: list[land.Layer] = []
        if "desert" in things:
            self.front = land.desert(scene, self.sky, rng)
        elif "hills" in things:
            self.front = land.hills(scene, self.sky, rng)
            if "sea" in things:
                # A shore: water to the horizon, one hill before it.
                self.sea = land.Sea(scene, self.sky, rng)
                self.front = self.front[-1:]
        else:
            # Water under a sea, and also under mountains or a city: a lake, a river front.
            self.sea = land.Sea(scene, self.sky, rng)
        self.standing = details.standing(scene, width, height, self.horizon, self.sky.sun_x, land.SHADE[scene.time])
        self.standing_cover = np.asarray(self.standing, np.float32)
        self._prepare_finish(rng)

    def _prepare_finish(self, rng: np.random.Generator) -> None:
        width, height = self.width, self.height
        # Brush strokes: every pixel is taken from a place nearby, and neighbours agree where. Only the view is
        # brushed; what stands in it keeps its outline.
        bend = max(width, height) / 768 * 1.5
        self.brush_x = noise.smooth(rng, width, height, width / 14, height / 5) * bend
        self.brush_y = noise.smooth(rng, width, height, width / 14, height / 5) * bend * 0.6
        self.brush_rows = np.clip(np.arange(height)[:, None] + self.brush_y, 0, height - 1).astype(np.intp)
        self.brush_columns = np.clip(np.arange(width)[None, :] + self.brush_x, 0, width - 1).astype(np.intp)
        canvas = rng.normal(0, 2.0, (height, width)).astype(np.float32)
        ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        self.canvas = canvas[..., None]
        self.vignette = (1 - 0.2 * np.clip(xs * xs * 0.8 + ys * ys * 0.9 - 0.4, 0, 1))[..., None]

    def frame(self, moment: float = 0.0) -> Image.Image:
        """The painting at a moment between 0 (the beginning) and 1 (the end of a film)."""
        picture = np.clip(self.sky.frame(moment), 0, 255)
        for layer in self.behind:
            picture = layer.over(picture)
        if self.sea is not None:
            picture = self.sea.over(np.clip(picture, 0, 255), moment)
        for layer in self.front:
            picture = layer.over(picture)
        picture = picture[self.brush_rows, self.brush_columns]
        picture = noise.mix(picture, self.standing_cover[..., :3], self.standing_cover[..., 3] / 255)
        moving = details.moving(self.scene, self.width, self.height, self.horizon, self.sky.sun_x, moment)
        if moving is not None:
            cover = np.asarray(moving, np.float32)
            picture = noise.mix(picture, cover[..., :3], cover[..., 3] / 255)
        picture = picture * self.vignette + self.canvas
        return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
