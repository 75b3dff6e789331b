"""The vision worker: finds faces in a picture with OpenCV."""

import json
import tempfile
from typing import Optional

import cv2
import numpy as np
from cog import BaseModel, BaseRunner, Input, Path

from paint import Painting, read
from portrait import test_picture
from worker import Work, clip, seconds_input

MOST_SIDE = 1600  # Larger pictures are made smaller first: detection time grows with the area.
MOST_PIXELS = 80_000_000


class Output(BaseModel):
    summary: str
    faces: int
    detections: str  # JSON: [{"label", "x", "y", "width", "height", "confidence"}], in pixels of the given picture
    image: Path


class Runner(BaseRunner):
    def setup(self) -> None:
        cv2.setNumThreads(1)
        self.detector = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
        print("worker: OpenCV face detection (Haar cascade); it is no neural detector", flush=True)

    def run(
        self,
        image: Optional[Path] = Input(default=None, description="A picture; without one it looks at a test picture of its own"),
        prompt: str = Input(default="", description="A question, kept for the log", max_length=4000),
        sensitivity: int = Input(default=5, ge=1, le=20, description="Smaller finds more, and more that is none"),
        seconds: float = seconds_input(),
    ) -> Output:
        work = Work("eyes", seconds)
        picture = self._read(image)
        height, width = picture.shape[:2]
        work.progress(0.2, f"looking at {width}x{height} " + ("(its own test picture)" if image is None else "") + clip(prompt, 80))
        found = self._detect(picture, sensitivity)
        for number, box in enumerate(found, 1):
            corner, far = (box["x"], box["y"]), (box["x"] + box["width"], box["y"] + box["height"])
            cv2.rectangle(picture, corner, far, (80, 220, 60), max(2, width // 300))
            cv2.putText(picture, f"face {number}", (corner[0], max(corner[1] - 6, 12)), cv2.FONT_HERSHEY_SIMPLEX, max(width / 1100, 0.4), (80, 220, 60), max(1, width // 500), cv2.LINE_AA)
        target = Path(tempfile.mkdtemp()) / "annotated.jpg"
        cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
        count = len(found)
        summary = f"{count} face{'' if count == 1 else 's'} found"
        if image is None:
            summary += " in the worker's own synthetic test picture"
        work.finish(summary)
        return Output(summary=summary, faces=count, detections=json.dumps(found), image=target)

    def _read(self, image: Optional[Path]) -> np.ndarray:
        if image is None:
            drawn = test_picture(Painting(read("a sunny meadow", 5), 640, 427).frame())
            return np.ascontiguousarray(np.asarray(drawn)[..., ::-1])
        picture = cv2.imread(str(image), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("the input is no picture that OpenCV can read")
        if picture.shape[0] * picture.shape[1] > MOST_PIXELS:
            raise ValueError(f"the picture is too large: at most {MOST_PIXELS} pixels")
        return picture

    def _detect(self, picture: np.ndarray, sensitivity: int) -> list[dict]:
        scale = min(1.0, MOST_SIDE / max(picture.shape[:2]))
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.equalizeHist(grey)
        least = max(24, min(grey.shape) // 14)
        boxes, _, weights = self.detector.detectMultiScale3(grey, 1.08, sensitivity, minSize=(least, least), outputRejectLevels=True)
        found = [
            {"label": "face", **{key: int(v / scale) for key, v in zip(("x", "y", "width", "height"), box)}, "confidence": round(float(weight), 2)}
            for box, weight in zip(boxes, np.ravel(weights))
        ]
        return sorted(found, key=lambda box: box["x"])
