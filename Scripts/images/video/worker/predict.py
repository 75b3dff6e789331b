"""The video worker: paints every frame of a scene and lets ffmpeg make a film of them."""

import subprocess
import tempfile

from cog import BaseRunner, Input, Path
from imageio_ffmpeg import get_ffmpeg_exe

from paint import Painting, read
from worker import Work, clip, seconds_input


class Runner(BaseRunner):
    def setup(self) -> None:
        self.ffmpeg = get_ffmpeg_exe()
        Painting(read("a sunset"), 64, 48).frame()
        print("worker: procedural painter and ffmpeg on the CPU; it is no video model", flush=True)

    def run(
        self,
        prompt: str = Input(description="What to film", max_length=4000),
        duration: float = Input(default=3.0, ge=0.5, le=20, description="Length of the film in seconds"),
        fps: int = Input(default=12, ge=4, le=30),
        width: int = Input(default=480, ge=64, le=1280),
        height: int = Input(default=320, ge=64, le=720),
        seed: int = Input(default=-1, ge=-1, le=2**31 - 1, description="-1: taken from the prompt"),
        seconds: float = seconds_input(),
    ) -> Path:
        work = Work("film maker", seconds)
        # The colour format of the film needs even sides.
        width, height = width // 2 * 2, height // 2 * 2
        scene = read(prompt, seed)
        frames = max(2, round(duration * fps))
        work.progress(0, f"{frames} frames of {scene.summary()} for: {clip(prompt, 100)}")
        painting = Painting(scene, width, height)
        target = Path(tempfile.mkdtemp()) / "film.mp4"
        # One thread: many workers share this machine, and a film this small gains nothing from more.
        command = [
            self.ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{width}x{height}", "-r", str(fps), "-i", "-", "-c:v", "libx264", "-preset", "veryfast",
            "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart", str(target),
        ]  # fmt: skip
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self._feed(encoder, painting, frames, work)
            _, errors = encoder.communicate(timeout=60)
        except BaseException:
            # Also a cancellation: no encoder may outlive its prediction.
            encoder.kill()
            encoder.wait()
            raise
        if encoder.returncode != 0:
            raise RuntimeError(f"ffmpeg failed: {clip(errors.decode(errors='replace'), 300)}")
        work.finish(f"{frames} frames, {target.stat().st_size} bytes")
        return target

    def _feed(self, encoder: subprocess.Popen, painting: Painting, frames: int, work: Work) -> None:
        for number in range(frames):
            picture = painting.frame(number / (frames - 1))
            try:
                encoder.stdin.write(picture.tobytes())
            except BrokenPipeError:
                return  # ffmpeg's own message says why; the caller reads it.
            if number % max(1, frames // 8) == 0:
                work.progress(number / frames * 0.95, f"frame {number + 1} of {frames}")
