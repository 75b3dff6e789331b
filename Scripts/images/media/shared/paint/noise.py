"""Smooth random fields, the raw material of clouds, waves and rock."""

import numpy as np
from PIL import Image


def smooth(rng: np.random.Generator, width: int, height: int, cells_x: float, cells_y: float) -> np.ndarray:
    """One octave: random values on a coarse grid, blown up smoothly; about -1 … 1."""
    grid = rng.uniform(-1, 1, (max(2, int(cells_y) + 2), max(2, int(cells_x) + 2))).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


def clouds(rng: np.random.Generator, width: int, height: int, cells_x: float, cells_y: float, octaves: int = 5) -> np.ndarray:
    """Fractal noise: octaves of half the strength and double the detail; about -1 … 1."""
    field = np.zeros((height, width), np.float32)
    strength, total = 1.0, 0.0
    for _ in range(octaves):
        field += strength * smooth(rng, width, height, cells_x, cells_y)
        total += strength
        strength *= 0.5
        cells_x, cells_y = min(cells_x * 2, width), min(cells_y * 2, height)
    return field / total * 1.6


def ridge(rng: np.random.Generator, width: int, cells: float, octaves: int = 6, sharp: float = 1.0) -> np.ndarray:
    """A fractal line, 0 … 1: the outline of a mountain range (sharp 1) or of rolling hills (sharp 0)."""
    line = np.zeros(width, np.float32)
    strength, total = 1.0, 0.0
    for _ in range(octaves):
        octave = smooth(rng, width, 2, cells, 0)[0]
        line += strength * ((1 - np.abs(octave)) * sharp + (octave * 0.5 + 0.5) * (1 - sharp))
        total += strength
        strength *= 0.42
        cells = min(cells * 2.1, width)
    line /= total
    low, high = float(line.min()), float(line.max())
    return (line - low) / max(high - low, 1e-6)


def step(edge0: float, edge1: float, x: np.ndarray) -> np.ndarray:
    """0 below edge0, 1 above edge1, smooth between."""
    t = np.clip((x - edge0) / (edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a, b, amount: np.ndarray) -> np.ndarray:
    """From a (amount 0) to b (amount 1); amount is a field, a and b are pictures or colours."""
    return a + (np.asarray(b, np.float32) - a) * amount[..., None]
