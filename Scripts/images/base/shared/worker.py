"""What every worker shares: an honest first line, progress in the log, and working at least so long."""

import math
import time

from cog import Input

MOST_SECONDS = 86400


def seconds_input():
    """The input `seconds` that every worker takes."""
    return Input(default=0.0, ge=0, le=MOST_SECONDS, description="Work at least this many seconds")


class Work:
    """One prediction's progress, and its least duration.

    A cancellation arrives as an exception in the main thread, so every wait here is made of short sleeps.
    """

    def __init__(self, worker: str, seconds: float = 0):
        self.worker = worker
        self.seconds = seconds if math.isfinite(seconds) else 0
        self.began = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def note(self, text: str) -> None:
        print(f"{self.worker}: {text}", flush=True)

    def progress(self, done: float, text: str) -> None:
        """Says how far the work is; `done` is between 0 and 1."""
        print(f"{self.worker}: {min(max(done, 0), 1):4.0%} {text}", flush=True)

    def finish(self, text: str = "done") -> None:
        """Waits out what is left of the asked-for time, then says so."""
        shown = time.monotonic()
        every = min(max(self.seconds / 20, 0.5), 10)
        while (left := self.seconds - self.elapsed()) > 0:
            if time.monotonic() - shown >= every:
                shown = time.monotonic()
                self.progress(self.elapsed() / self.seconds, f"{left:.0f} s of the asked-for time left")
            time.sleep(min(left, 0.1))
        self.progress(1, f"{text} after {self.elapsed():.2f} s")


def clip(text: str, most: int) -> str:
    """The text on one line and not longer than `most` characters, for logs and labels."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
