"""From a prompt to a scene: which words are understood, and what is painted for them."""

import hashlib
import random
import re
from dataclasses import dataclass, field

# The first time of day named in the prompt wins; the words on the right mean it.
TIMES = {
    "sunset": "sunset sundown dusk evening twilight golden",
    "sunrise": "sunrise dawn morning daybreak",
    "night": "night midnight moonlit moon moonlight stars star starry galaxy aurora nocturne space cosmos",
    "storm": "storm stormy rain rainy thunder lightning gloomy grey gray overcast",
    "day": "day noon sunny daylight midday bright summer blue",
}

THINGS = {
    "sea": "sea ocean beach coast shore lake water waves wave bay harbour harbor island river pond lagoon",
    "boat": "boat ship sail sailing sailboat yacht regatta",
    "mountains": "mountain mountains peak peaks alps hike summit valley fjord himalaya range volcano cliffs",
    "hills": "hill hills meadow field fields countryside grass prairie farm pasture landscape park garden",
    "trees": "tree trees forest wood woods pine pines fir jungle woodland",
    "palms": "palm palms tropical tropics beach island hawaii lagoon",
    "city": "city skyline town skyscraper skyscrapers downtown buildings street tokyo york london metropolis cyberpunk",
    "desert": "desert dune dunes sand sahara oasis",
    "flowers": "flower flowers poppy poppies tulip tulips lavender bloom blossom spring garden",
    "snow": "snow snowy winter ice icy frozen blizzard christmas arctic",
    "rain": "rain rainy storm stormy thunder downpour",
    "clouds": "cloud clouds cloudy overcast storm stormy",
    "birds": "bird birds gull gulls seagull seagulls geese",
    "moon": "moon moonlit moonlight",
    "stars": "star stars starry galaxy cosmos space milky",
    "aurora": "aurora borealis northern",
    "house": "house home cabin cottage hut barn farm village chalet",
    "rainbow": "rainbow",
    "cat": "cat cats kitten kitty",
}

COLOURS = {
    "red": (214, 48, 49), "crimson": (190, 20, 60), "orange": (245, 130, 32), "gold": (255, 200, 60),
    "golden": (255, 200, 60), "yellow": (250, 215, 70), "green": (70, 160, 80), "emerald": (20, 150, 100),
    "teal": (30, 150, 150), "turquoise": (60, 200, 195), "blue": (50, 110, 210), "azure": (70, 150, 235),
    "indigo": (70, 60, 160), "purple": (130, 70, 180), "violet": (140, 80, 210), "lavender": (180, 150, 220),
    "magenta": (210, 50, 160), "pink": (245, 130, 170), "rose": (240, 110, 140), "brown": (130, 90, 60),
    "neon": (240, 40, 200), "cyberpunk": (220, 40, 190),
}

# What a prompt without a known place shows: the seed picks one.
PLACES = (("sea",), ("sea", "mountains"), ("hills", "trees"), ("mountains",), ("hills", "house"))
GROUNDS = {"sea", "mountains", "hills", "city", "desert"}


@dataclass
class Scene:
    """What to paint."""

    time: str
    things: set[str] = field(default_factory=set)
    tint: tuple[int, int, int] | None = None
    seed: int = 0
    known: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def summary(self) -> str:
        return f"{self.time}; " + ", ".join(sorted(self.things))


SMALL_WORDS = set(
    "a an and the of in on at with over under by to from for my our your his her its is are some very image picture "
    "painting photo generate make create draw paint me please show video song beautiful lovely nice near behind "
    "this that it as into".split()
)


def read(prompt: str, seed: int = -1) -> Scene:
    """Reads a prompt. A negative seed means: take it from the words, so a prompt always gives its own picture."""
    words = re.findall(r"[a-z]+", prompt.lower())[:400]
    if seed < 0:
        seed = int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:4], "big")
    chance = random.Random(seed)
    lookup: dict[str, list[str]] = {}
    for thing, names in THINGS.items():
        for name in names.split():
            lookup.setdefault(name, []).append(thing)
    times = {name: time for time, names in TIMES.items() for name in names.split()}
    time = next((times[word] for word in words if word in times and word != "blue"), None)
    scene = Scene(time or chance.choice(["day", "day", "sunset", "sunrise"]), seed=seed)
    for word in words:
        if word in lookup or word in times or word in COLOURS:
            scene.known.append(word)
        elif word not in SMALL_WORDS:
            scene.unknown.append(word)
        scene.things.update(lookup.get(word, ()))
        if scene.tint is None:
            scene.tint = COLOURS.get(word)
    if "boat" in scene.things or "palms" in scene.things:
        scene.things.add("sea")
    if "palms" in scene.things:
        scene.things.discard("trees")
    if scene.things & {"flowers", "house", "cat", "trees"} and "desert" not in scene.things:
        # These stand on the ground, not in the water.
        scene.things.add("hills")
    if not scene.things & GROUNDS:
        scene.things.update(chance.choice(PLACES) if scene.time not in ("sunset", "sunrise") else ("sea",))
    if scene.time in ("day", "sunset", "sunrise", "storm"):
        scene.things.add("clouds")
    if scene.time == "night":
        scene.things.update({"stars", "moon"} if "aurora" not in scene.things else {"stars"})
    if scene.time in ("sunset", "sunrise") and "sea" in scene.things and "city" not in scene.things:
        scene.things.add("birds")
    return scene
