"""The image worker: paints a picture from the prompt's words."""

import tempfile

from cog import BaseRunner, Input, Path
from PIL import PngImagePlugin

from paint import Painting, read
from worker import Work, clip, seconds_input


class Runner(BaseRunner):
    def setup(self) -> None:
        Painting(read("a sunset"), 64, 48).frame()
        print("worker: procedural painter on the CPU; it is no image model", flush=True)

    def run(
        self,
        prompt: str = Input(description="What to paint, such as: a sunset over mountains", max_length=4000),
        width: int = Input(default=768, ge=64, le=2048),
        height: int = Input(default=512, ge=64, le=2048),
        seed: int = Input(default=-1, ge=-1, le=2**31 - 1, description="-1: taken from the prompt"),
        seconds: float = seconds_input(),
    ) -> Path:
        work = Work("painter", seconds)
        scene = read(prompt, seed)
        work.progress(0.05, f"painting {scene.summary()} for: {clip(prompt, 100)}")
        if scene.unknown:
            work.note("words it has no picture for: " + clip(", ".join(scene.unknown), 200))
        painting = Painting(scene, width, height)
        work.progress(0.7, "sky, land and light are laid out")
        picture = painting.frame()
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Software", "Jessica procedural painter")
        notes.add_itxt("Description", clip(prompt, 500))
        target = Path(tempfile.mkdtemp()) / "painting.png"
        picture.save(target, pnginfo=notes, compress_level=4)
        work.finish(f"{width}x{height}, seed {scene.seed}")
        return target
