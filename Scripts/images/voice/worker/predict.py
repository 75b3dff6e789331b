"""The voice worker: espeak-ng speaks the text."""

import re
import subprocess
import tempfile
import wave

from cog import BaseRunner, Input, Path

from worker import Work, clip, seconds_input


def voices() -> set[str]:
    """The languages espeak-ng knows, such as en-gb or de."""
    listing = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True, timeout=20)
    return {line.split()[1] for line in listing.stdout.splitlines()[1:] if len(line.split()) > 1}


class Runner(BaseRunner):
    def setup(self) -> None:
        self.voices = voices()
        print(f"worker: espeak-ng, {len(self.voices)} voices; it is a formant synthesiser, no neural voice", flush=True)

    def run(
        self,
        prompt: str = Input(default="", description="What to say", max_length=10000),
        text: str = Input(default="", description="What to say; wins over prompt", max_length=10000),
        voice: str = Input(default="en-gb", description="A language such as en-us, de, fr, with an optional variant: en-gb+f3"),
        speed: int = Input(default=165, ge=80, le=450, description="Words a minute"),
        pitch: int = Input(default=50, ge=0, le=99),
        seconds: float = seconds_input(),
    ) -> Path:
        work = Work("voice", seconds)
        words = (text or prompt).replace("\0", " ").strip()
        if not words:
            raise ValueError("there is nothing to say: give text or prompt")
        language = voice.partition("+")[0]
        if language not in self.voices or not re.fullmatch(r"[A-Za-z0-9-]+(\+[A-Za-z0-9]{1,16})?", voice):
            raise ValueError(f"no voice {clip(voice, 40)!r}; some that exist: en-gb, en-us, de, fr, es, it")
        work.progress(0.1, f"speaking {len(words)} characters with {voice}: {clip(words, 80)}")
        target = Path(tempfile.mkdtemp()) / "speech.wav"
        # The text goes through standard input: on the command line it could be taken for an option.
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-b", "1", "-w", str(target), "--stdin"]
        done = subprocess.run(command, input=words.encode(), capture_output=True, timeout=300)
        if done.returncode != 0 or not target.exists():
            raise RuntimeError(f"espeak-ng failed: {clip(done.stderr.decode(errors='replace'), 200)}")
        with wave.open(str(target)) as sound:
            length = sound.getnframes() / sound.getframerate()
        work.finish(f"{length:.1f} s of speech")
        return target
