"""A procedural painter: a prompt's words pick a scene, numpy paints it. It is no image model."""

from .picture import Painting
from .words import Scene, read

__all__ = ["Painting", "Scene", "read"]
