"""The audio worker: composes and synthesises a short piece of music."""

import tempfile
import wave

from cog import BaseRunner, Input, Path

import music
from worker import Work, clip, seconds_input


class Runner(BaseRunner):
    def setup(self) -> None:
        music.compose(music.read("calm"), 1.0, lambda share: None)
        print("worker: algorithmic composer and synthesiser; it is no music model", flush=True)

    def run(
        self,
        prompt: str = Input(description="What the music is like, such as: a calm piano piece", max_length=4000),
        duration: float = Input(default=8.0, ge=1, le=60, description="Length of the piece in seconds"),
        seed: int = Input(default=-1, ge=-1, le=2**31 - 1, description="-1: taken from the prompt"),
        seconds: float = seconds_input(),
    ) -> Path:
        work = Work("composer", seconds)
        score = music.read(prompt, seed)
        work.progress(0, f"{score.summary()} for: {clip(prompt, 100)}")
        samples = music.compose(score, duration, lambda share: work.progress(share * 0.8, "composing"))
        target = Path(tempfile.mkdtemp()) / "music.wav"
        with wave.open(str(target), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(music.RATE)
            file.writeframes(samples.tobytes())
        work.finish(f"{duration:.1f} s of music, seed {score.seed}")
        return target
