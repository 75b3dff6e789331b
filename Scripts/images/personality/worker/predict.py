"""The personality worker: the rule-based responder with a mood, and a memory for each session."""

import random
import re
from collections import OrderedDict
from dataclasses import dataclass, field

from cog import BaseRunner, Input

from responder import reflect, respond
from worker import Work, clip, seconds_input

MOST_SESSIONS = 200
MOST_FACTS = 20

PLEASANT = set("thanks thank great good love nice beautiful happy wonderful awesome lovely brilliant kind glad please fun".split())
UNPLEASANT = set("bad hate stupid awful terrible sad angry useless boring wrong ugly horrible tired lonely".split())
MOODS = ((0.6, "delighted"), (0.2, "cheerful"), (-0.2, "calm"), (-0.6, "thoughtful"), (-2, "a little sad"))
OPENINGS = {
    "delighted": ("How lovely! ", "I am so glad we talk. "),
    "cheerful": ("With pleasure. ", ""),
    "calm": ("",),
    "thoughtful": ("Let me think. ", "Hm. "),
    "a little sad": ("I will do my best. ", "Well. "),
}


@dataclass
class Session:
    mood: float = 0.1
    turns: int = 0
    name: str = ""
    facts: list[str] = field(default_factory=list)

    def feeling(self) -> str:
        return next(word for least, word in MOODS if self.mood >= least)

    def hear(self, text: str) -> None:
        words = set(re.findall(r"[a-z]+", text.lower()))
        change = 0.25 * len(words & PLEASANT) - 0.3 * len(words & UNPLEASANT)
        # A mood fades: each turn it goes a little back to the middle.
        self.mood = max(-1.0, min(1.0, self.mood * 0.85 + change))
        self.turns += 1
        name = re.search(r"\bmy name is ([A-Za-zÀ-ÿ'-]{1,40})", text, re.IGNORECASE) or re.search(r"\bcall me ([A-Za-zÀ-ÿ'-]{1,40})", text, re.IGNORECASE)
        if name:
            self.name = name[1].capitalize()
        fact = re.search(r"\b(?:remember(?: that)?|don't forget(?: that)?) (.{3,160})", text, re.IGNORECASE) or re.search(r"\b(i (?:like|love|hate|live in|work as|have) .{2,120})", text, re.IGNORECASE)
        if fact and not text.strip().endswith("?"):
            self.facts = [*self.facts, reflect(fact[1].rstrip(".! "))][-MOST_FACTS:]


class Runner(BaseRunner):
    def setup(self) -> None:
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        print("worker: rule-based personality with a mood and a memory; it is no language model", flush=True)

    def session(self, key: str) -> Session:
        """The session's memory; the ones unused for longest are forgotten first."""
        found = self.sessions.setdefault(key, Session())
        self.sessions.move_to_end(key)
        while len(self.sessions) > MOST_SESSIONS:
            self.sessions.popitem(last=False)
        return found

    def run(
        self,
        prompt: str = Input(description="What to say to Jessica", max_length=20000),
        session: str = Input(default="", description="What is said under one name is remembered together", max_length=200),
        seconds: float = seconds_input(),
    ) -> str:
        work = Work("personality", seconds)
        memory = self.session(session) if session else Session()
        known = bool(memory.name)
        memory.hear(prompt)
        work.progress(0, f"turn {memory.turns} of session {clip(session, 40) or '(none)'}: {clip(prompt, 80)}")
        answer = self.answer(prompt, memory, known)
        work.finish(f"mood {memory.mood:+.2f}, {len(memory.facts)} things remembered")
        return answer

    def answer(self, text: str, memory: Session, known: bool) -> str:
        lower = text.lower()
        if re.search(r"\bhow (are|do) you( feel)?\b|\byour mood\b", lower):
            return f"I am {memory.feeling()} today; my mood stands at {memory.mood:+.2f} on a scale from -1 to 1."
        if re.search(r"\bmy name\b.*\?|\bwho am i\b", lower):
            return f"You are {memory.name}." if memory.name else "You have not told me your name yet."
        if re.search(r"\bwhat do you (remember|know)( about me)?\b|\bdo you remember\b", lower):
            said = "; ".join(memory.facts)
            return f"I remember this: {said}." if said else "Nothing yet. Tell me something and I will."
        if memory.name and not known:
            return f"Nice to meet you, {memory.name}. I will remember you in this session."
        if memory.facts and re.search(r"\bremember\b|\bdon't forget\b", lower):
            return f"I will remember that {memory.facts[-1]}."
        chance = random.Random(f"{text}{memory.turns}")
        opening = chance.choice(OPENINGS[memory.feeling()])
        greeting = f"{memory.name}, " if memory.name and chance.random() < 0.4 else ""
        return opening + greeting + respond(text, "Jessica", chance)
