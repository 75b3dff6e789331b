"""Composes and synthesises a short piece: words pick tempo, scale and timbre, a seed picks the notes."""

import hashlib
import random
import re
from dataclasses import dataclass

import numpy as np

RATE = 32000

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
# Chords as steps of the scale, four to a round.
ROUNDS = {"bright": ((0, 4, 5, 3), (0, 3, 4, 3), (0, 5, 3, 4)), "dark": ((0, 5, 2, 6), (0, 3, 6, 4), (0, 6, 5, 6))}

MOODS = {
    "happy": ("happy joyful cheerful upbeat fun bright party dance summer", 126, "major", "pluck", True),
    "calm": ("calm relaxing peaceful ambient sleep soft gentle meditation lofi chill slow sea sunset", 68, "lydian", "pad", False),
    "sad": ("sad melancholy melancholic lonely rain grief blue minor tears", 64, "minor", "piano", False),
    "dark": ("dark scary horror tense ominous evil night mystery", 84, "phrygian", "pad", False),
    "epic": ("epic heroic cinematic battle victory grand orchestra orchestral march", 108, "minor", "strings", True),
    "electronic": ("electronic techno house synth synthwave trance edm cyberpunk beat robot game arcade", 124, "dorian", "lead", True),
    "jazz": ("jazz blues swing funk groove", 104, "dorian", "piano", True),
    "folk": ("folk acoustic guitar country celtic", 100, "major", "pluck", False),
}
TIMBRES = {
    "piano": "piano keys", "pluck": "guitar harp pluck ukulele banjo", "strings": "strings violin cello orchestra orchestral",
    "lead": "synth lead arcade game", "pad": "pad ambient choir drone", "bells": "bell bells chimes music-box glockenspiel",
}  # fmt: skip


@dataclass
class Score:
    mood: str
    tempo: float
    scale: str
    timbre: str
    drums: bool
    root: int
    seed: int

    def summary(self) -> str:
        return f"{self.mood}, {self.tempo:.0f} beats a minute, {self.scale}, {self.timbre}" + (", drums" if self.drums else "")


def read(prompt: str, seed: int = -1) -> Score:
    words = re.findall(r"[a-z-]+", prompt.lower())[:400]
    if seed < 0:
        seed = int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:4], "big")
    chance = random.Random(seed)
    moods = {name: mood for mood, entry in MOODS.items() for name in entry[0].split()}
    mood = next((moods[word] for word in words if word in moods), None) or chance.choice(list(MOODS))
    _, tempo, scale, timbre, drums = MOODS[mood]
    timbres = {name: timbre for timbre, names in TIMBRES.items() for name in names.split()}
    timbre = next((timbres[word] for word in words if word in timbres), timbre)
    tempo *= 1.25 if {"fast", "quick", "energetic"} & set(words) else 0.78 if {"slow", "slowly"} & set(words) else 1
    drums = (drums or bool({"drum", "drums", "beat"} & set(words))) and "without" not in words
    return Score(mood, tempo, scale, timbre, drums, 45 + chance.randrange(12), seed)


def frequency(note: float) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def envelope(count: int, attack: float, decay: float, release: float) -> np.ndarray:
    """Rises in `attack` seconds, falls with half-life `decay`, and fades at the end."""
    t = np.arange(count) / RATE
    fade = np.clip((count / RATE - t) / release, 0, 1)
    return np.minimum(t / attack, 1) * np.exp2(-t / decay) * fade


def tone(timbre: str, note: float, length: float) -> np.ndarray:
    count = max(2, int(length * RATE))
    t = np.arange(count) / RATE
    f = frequency(note)
    angle = 2 * np.pi * f * t

    def partials(strengths: list[float], stretch: float = 0.0) -> np.ndarray:
        numbers = range(1, len(strengths) + 1)
        kept = [(n, s) for n, s in zip(numbers, strengths) if f * n < RATE * 0.45]
        return sum(s * np.sin(angle * n * (1 + stretch * n * n)) for n, s in kept)

    if timbre == "piano":
        return partials([1, 0.55, 0.3, 0.18, 0.1, 0.06], 0.0003) * envelope(count, 0.004, 0.5, 0.08)
    if timbre == "pluck":
        sound = partials([1, 0.7, 0.45, 0.3, 0.2, 0.12, 0.08]) * np.exp2(-t / 0.26)
        return sound * envelope(count, 0.002, 0.7, 0.05)
    if timbre == "strings":
        wave = partials([1, 0.5, 0.33, 0.25, 0.2, 0.16, 0.12])
        return wave * (1 + 0.05 * np.sin(2 * np.pi * 5.3 * t)) * envelope(count, 0.12, 6, 0.15) * 0.8
    if timbre == "lead":
        wave = partials([1, 0, 0.33, 0, 0.2, 0, 0.14])
        return wave * envelope(count, 0.006, 1.2, 0.04) * 0.8
    if timbre == "bells":
        return np.sin(angle + 2.2 * np.exp2(-t / 0.35) * np.sin(angle * 3.51)) * envelope(count, 0.002, 0.7, 0.1)
    slow = np.sin(angle * 1.003) + np.sin(angle * 0.997) + 0.4 * np.sin(angle * 2) + 0.2 * np.sin(angle * 3)
    return slow * envelope(count, 0.35, 8, 0.4) * 0.5


class Mixer:
    """Two channels that sounds are added to."""

    def __init__(self, length: float):
        self.sound = np.zeros((int(length * RATE) + RATE, 2), np.float64)

    def add(self, sound: np.ndarray, at: float, gain: float, pan: float = 0.0) -> None:
        start = int(at * RATE)
        stop = min(start + len(sound), len(self.sound))
        if start < stop:
            part = sound[: stop - start] * gain
            self.sound[start:stop, 0] += part * (1 - pan) * 0.7
            self.sound[start:stop, 1] += part * (1 + pan) * 0.7

    def mastered(self, length: float, room: float, rng: np.random.Generator) -> np.ndarray:
        """With an echoing room, a soft limit, and gentle ends; 16-bit samples."""
        tail = int(1.4 * RATE)
        size = 1 << int(np.ceil(np.log2(len(self.sound) + tail)))
        wet = np.empty_like(self.sound)
        for channel in range(2):
            hall = rng.normal(0, 1, tail) * np.exp2(-np.arange(tail) / (0.19 * RATE))
            hall /= np.sqrt(np.sum(hall * hall))
            spectrum = np.fft.rfft(self.sound[:, channel], size) * np.fft.rfft(hall, size)
            wet[:, channel] = np.fft.irfft(spectrum, size)[: len(self.sound)]
        mixed = self.sound * (1 - room * 0.5) + wet * room * 0.5
        mixed = mixed[: int(length * RATE)]
        mixed = np.tanh(mixed / max(np.abs(mixed).max(), 1e-9) * 1.35) * 0.86
        ramp = np.minimum(np.arange(len(mixed)) / (0.01 * RATE), 1) * np.clip((len(mixed) - np.arange(len(mixed))) / (min(1.2, length / 4) * RATE), 0, 1)
        return (mixed * ramp[:, None] * 32767).astype(np.int16)


def drum_hit(kind: str, rng: np.random.Generator) -> np.ndarray:
    if kind == "kick":
        t = np.arange(int(0.28 * RATE)) / RATE
        return np.sin(2 * np.pi * (48 * t + 9 * (1 - np.exp(-t * 30)))) * np.exp2(-t / 0.07)
    t = np.arange(int((0.16 if kind == "snare" else 0.06) * RATE)) / RATE
    hiss = np.diff(rng.normal(0, 1, len(t) + 1)) * 0.6
    if kind == "snare":
        return (hiss + 0.7 * np.sin(2 * np.pi * 185 * t)) * np.exp2(-t / 0.035)
    return hiss * np.exp2(-t / 0.012)


def compose(score: Score, length: float, progress) -> np.ndarray:
    """The piece as 16-bit stereo samples. `progress` is called with a share between 0 and 1."""
    chance, rng = random.Random(score.seed), np.random.default_rng(score.seed)
    scale = SCALES[score.scale]
    chords = chance.choice(ROUNDS["bright" if score.scale in ("major", "lydian") else "dark"])
    beat = 60 / score.tempo
    bar = 4 * beat
    mixer = Mixer(length)

    def note(step: int, octave: int = 0) -> int:
        return score.root + scale[step % 7] + 12 * (step // 7 + octave)

    motif = [(chance.choice((0.5, 0.5, 1, 1, 1.5)), chance.choice((-1, 0, 1, 2, 4))) for _ in range(5)]
    hits = {kind: drum_hit(kind, rng) for kind in ("kick", "snare", "hat")}
    bars = int(np.ceil(length / bar))
    for number in range(bars):
        start, chord = number * bar, chords[number % 4]
        last = number == bars - 1
        held = "pad" if score.timbre in ("pad", "strings", "bells") else score.timbre
        for voice, step in enumerate((0, 2, 4)):
            mixer.add(tone(held, note(chord + step, 1), bar * 1.04), start, 0.15, (voice - 1) * 0.5)
        for offset in (0, 2) if not score.drums else (0, 1.5, 2, 3.5):
            mixer.add(tone("piano", note(chord, -1 if score.root > 50 else 0), beat * 1.4), start + offset * beat, 0.34)
        place, step = 0.0, chord + 4
        line = [motif[0]] if last else motif
        while place < 4 and line:
            for share, move in line:
                if place >= 4:
                    break
                step = min(max(step + move - (2 if step > chord + 8 else 0), chord), chord + 11)
                if chance.random() > 0.14:
                    mixer.add(tone(score.timbre, note(step, 1), share * beat * 1.3), start + place * beat, 0.27, chance.uniform(-0.35, 0.35))
                place += share
            if last:
                break
        if score.drums and not last:
            for eighth in range(8):
                at = start + eighth * beat / 2
                mixer.add(hits["hat"], at, 0.1 if eighth % 2 else 0.06, 0.3)
                if eighth in (0, 4) or (eighth == 5 and number % 2):
                    mixer.add(hits["kick"], at, 0.55)
                if eighth in (2, 6):
                    mixer.add(hits["snare"], at, 0.2, -0.1)
        progress((number + 1) / bars)
    return mixer.mastered(length, 0.25 if score.drums else 0.5, rng)
