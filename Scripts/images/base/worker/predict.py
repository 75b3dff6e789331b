"""The generic worker: looks at what it was given and says what it found."""

import hashlib
import json
import mimetypes
import os
import platform
from typing import Optional

from cog import BaseRunner, Input, Path

from worker import Work, clip, seconds_input


def inspect_file(path: Path) -> dict:
    """Name, size, type and digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        first = file.read(16)
        digest.update(first)
        while block := file.read(1 << 20):
            digest.update(block)
    return {
        "name": path.name,
        "bytes": path.stat().st_size,
        "type": mimetypes.guess_type(path.name)[0],
        "sha256": digest.hexdigest(),
        "begins": first.hex(),
    }


def inspect_text(text: str) -> dict:
    found = {"characters": len(text), "words": len(text.split()), "lines": len(text.splitlines())}
    try:
        value = json.loads(text)
    except ValueError:
        return found
    found["json"] = type(value).__name__
    return found


class Runner(BaseRunner):
    def setup(self) -> None:
        print("worker: generic inspector; it reports on its input and has no model", flush=True)

    def run(
        self,
        prompt: str = Input(default="", description="Any text; it is echoed and measured"),
        text: str = Input(default="", description="More text"),
        file: Optional[Path] = Input(default=None, description="A file to inspect"),
        seconds: float = seconds_input(),
        fail: bool = Input(default=False, description="End with an error, to see how that looks"),
    ) -> str:
        work = Work("inspector", seconds)
        work.progress(0, clip(prompt, 80) or "no prompt")
        report = {
            "worker": "generic inspector (no model)",
            "host": platform.node(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "prompt": prompt,
            "prompt_is": inspect_text(prompt),
        }
        if text:
            report["text_is"] = inspect_text(text)
        if file is not None:
            report["file_is"] = inspect_file(file)
        work.finish()
        if fail:
            raise RuntimeError("failed because the input said so")
        return json.dumps(report, ensure_ascii=False, indent=1)
