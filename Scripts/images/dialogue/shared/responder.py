"""A small rule-based responder: sums, units, dates, greetings, and otherwise a question turned round.

It says what it is when asked, and never claims to understand.
"""

import ast
import math
import operator
import random
import re
from datetime import datetime, timedelta, timezone

OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
FUNCTIONS = {"sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "log": math.log, "ln": math.log, "abs": abs, "round": round}
CONSTANTS = {"pi": math.pi, "e": math.e}
SPOKEN = (
    (r"\bplus\b", "+"), (r"\bminus\b", "-"), (r"\b(times|multiplied by)\b", "*"), (r"\b(divided by|over)\b", "/"),
    (r"\bto the power of\b", "**"), (r"\bsquared\b", "**2"), (r"\bcubed\b", "**3"), (r"\bsquare root of\s+(\d[\d.]*)", r"sqrt(\1)"),
    (r"(\d[\d.]*)\s*(?:%|percent) of\s+(\d[\d.]*)", r"(\1/100*\2)"), (r"\^", "**"), (r"×", "*"), (r"÷", "/"), (r"(?<=\d),(?=\d{3}\b)", ""),
)  # fmt: skip

# Everything in one base unit per kind.
UNITS: dict[str, tuple[str, float]] = {}
for kind, table in {
    "length": "mm:0.001 cm:0.01 m:1 km:1000 inch:0.0254 inches:0.0254 in:0.0254 foot:0.3048 feet:0.3048 ft:0.3048 yard:0.9144 yards:0.9144 mile:1609.344 miles:1609.344",
    "mass": "g:0.001 gram:0.001 grams:0.001 kg:1 tonne:1000 tonnes:1000 oz:0.028349523 ounce:0.028349523 ounces:0.028349523 lb:0.45359237 lbs:0.45359237 pound:0.45359237 pounds:0.45359237",
    "time": "second:1 seconds:1 minute:60 minutes:60 hour:3600 hours:3600 day:86400 days:86400 week:604800 weeks:604800",
    "data": "byte:1 bytes:1 kb:1e3 mb:1e6 gb:1e9 tb:1e12 kib:1024 mib:1048576 gib:1073741824",
    "volume": "ml:0.001 l:1 litre:1 litres:1 liter:1 liters:1 gallon:3.785411784 gallons:3.785411784 cup:0.2365882365 cups:0.2365882365 pint:0.473176473 pints:0.473176473",
}.items():
    for entry in table.split():
        unit, _, factor = entry.partition(":")
        UNITS[unit] = (kind, float(factor))

COMMON = set("about after again their there these those think thing things where which while would could should write tell please explain".split())
REFLECT = {"i": "you", "me": "you", "my": "your", "mine": "yours", "am": "are", "i'm": "you are", "you": "I", "your": "my", "yours": "mine", "are": "am", "myself": "yourself", "was": "were"}
TURNED = (
    (r"\bi need (.+)", ("Why do you need {0}?", "Would it really help you to have {0}?")),
    (r"\bi want (.+)", ("What would change if you had {0}?", "Why do you want {0}?")),
    (r"\bi feel (.+)", ("How long have you felt {0}?", "Do you often feel {0}?")),
    (r"\bi(?:'m| am) (.+)", ("How do you feel about being {0}?", "How long have you been {0}?")),
    (r"\bi can't (.+)", ("What would it take to {0}?", "What stops you, if you try to {0}?")),
    (r"\bi think (.+)", ("What makes you think {0}?", "How sure are you that {0}?")),
    (r"\bbecause (.+)", ("Is that the whole reason?", "What else could explain it, besides {0}?")),
    (r"\bmy (mother|father|sister|brother|friend|wife|husband|cat|dog)\b", ("Tell me more about your {0}.",)),
    (r"\bwhy don't you (.+)", ("Do you think I should {0}?",)),
    (r"\bcan you (.+?)\??$", ("I am a small rule-based program, so probably not. What would you do first, to {0}?",)),
)


def evaluate(expression: str) -> float:
    """A sum, without names or calls other than the listed ones, and with bounded numbers."""

    def value(node: ast.AST, depth: int = 0) -> float:
        if depth > 40:
            raise ValueError("too deep")
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            result = node.value
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            base, power = value(node.left, depth + 1), value(node.right, depth + 1)
            if abs(power) > 512 or abs(base) > 1e9:
                raise ValueError("too large")
            result = base**power
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            result = OPERATORS[type(node.op)](value(node.left, depth + 1), value(node.right, depth + 1))
        elif isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
            result = OPERATORS[type(node.op)](value(node.operand, depth + 1))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and len(node.args) == 1 and not node.keywords:
            result = FUNCTIONS[node.func.id](value(node.args[0], depth + 1))
        elif isinstance(node, ast.Name) and node.id in CONSTANTS:
            result = CONSTANTS[node.id]
        else:
            raise ValueError("not a sum")
        if isinstance(result, complex) or abs(result) > 1e300:
            raise ValueError("too large")
        return result

    return value(ast.parse(expression, mode="eval").body)


def number(value: float) -> str:
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e15):
        return f"{value:.10g}"
    return str(int(value))


def arithmetic(text: str) -> str | None:
    spoken = text.lower()[:400]
    for pattern, sign in SPOKEN:
        spoken = re.sub(pattern, sign, spoken)
    # The longest stretch that could be a sum, with at least one operator or function in it.
    found = re.findall(r"(?:(?:sqrt|sin|cos|tan|log|ln|abs|round|pi)\b|[\d.()+\-*/%\s])+", spoken)
    for candidate in sorted(found, key=len, reverse=True):
        candidate = candidate.strip()
        if not re.search(r"\d", candidate) or not re.search(r"\d\s*[+\-*/%]|[a-z]\(", candidate):
            continue
        try:
            return f"{candidate.replace('**', '^')} = {number(evaluate(candidate))}"
        except ZeroDivisionError:
            return f"{candidate} has no value: it divides by zero."
        except (ValueError, SyntaxError, OverflowError, TypeError, MemoryError, RecursionError):
            continue
    return None


def conversion(text: str) -> str | None:
    match = re.search(r"(-?\d[\d.,]*)\s*°?\s*([a-z]+)\s+(?:in|to|into|as)\s+°?([a-z]+)", text.lower())
    if not match:
        return None
    try:
        amount = float(match[1].replace(",", ""))
    except ValueError:
        return None
    source, target = match[2], match[3]
    heat = {"c": "c", "celsius": "c", "f": "f", "fahrenheit": "f", "k": "k", "kelvin": "k"}
    if source in heat and target in heat:
        celsius = {"c": amount, "f": (amount - 32) / 1.8, "k": amount - 273.15}[heat[source]]
        result = {"c": celsius, "f": celsius * 1.8 + 32, "k": celsius + 273.15}[heat[target]]
    elif source in UNITS and target in UNITS and UNITS[source][0] == UNITS[target][0]:
        result = amount * UNITS[source][1] / UNITS[target][1]
    else:
        return None
    return f"{number(amount)} {source} = {number(round(result, 6))} {target}"


def date(text: str, now: datetime) -> str | None:
    lower = text.lower()
    match = re.search(r"\bin (\d{1,4}) (day|days|week|weeks)\b", lower)
    if match:
        days = int(match[1]) * (7 if match[2].startswith("week") else 1)
        return f"In {match[1]} {match[2]} it is {now + timedelta(days=days):%A, %d %B %Y}."
    match = re.search(r"\b(\d{4})-(\d{2})-(\d{2})\b", lower)
    if match:
        try:
            day = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=timezone.utc)
        except ValueError:
            return f"There is no day {match[0]}."
        away = (day.date() - now.date()).days
        return f"{match[0]} is a {day:%A}, " + ("today." if away == 0 else f"{abs(away)} days {'from now' if away > 0 else 'ago'}.")
    if re.search(r"\bwhat('s| is)? the time\b|\bwhat time\b", lower):
        return f"It is {now:%H:%M} UTC."
    if re.search(r"\b(date|today|day is it)\b", lower) and "what" in lower:
        return f"Today is {now:%A, %d %B %Y} (UTC)."
    return None


def reflect(text: str) -> str:
    words = re.findall(r"[\w'-]+", text)[:24]
    return " ".join(REFLECT.get(word.lower(), word) for word in words)


def small_talk(text: str, name: str) -> str | None:
    lower = text.lower()
    if re.search(r"\b(who|what) are you\b|\bare you (an? )?(ai|robot|model|human|real)\b|\byour name\b", lower):
        return f"I am {name}: a small rule-based program on a CPU, not a language model. I can do sums, units, dates and small talk."
    if re.search(r"\b(hello|hi|hey|good (morning|evening|afternoon))\b", lower):
        return "Hello! Ask me a sum, a unit, a date, or tell me something."
    if re.search(r"\b(thanks|thank you)\b", lower):
        return "You are welcome."
    if re.search(r"\b(bye|goodbye|good night)\b", lower):
        return "Goodbye."
    if re.search(r"\bhelp\b|\bwhat can you do\b", lower):
        return "I can work out 12 * 7 + 3, 15% of 80, sqrt(2), 5 miles in km, 20 c in f, the date in 10 days, and talk a little."
    if re.search(r"\b(tell|know).*\b(joke|story)\b", lower):
        return "A container walks into a registry. The registry says: I have seen your layers before."
    return None


def respond(text: str, name: str, chance: random.Random | None = None, now: datetime | None = None) -> str:
    """One answer to one text."""
    chance = chance or random.Random(text)
    now = now or datetime.now(timezone.utc)
    answer = conversion(text) or date(text, now) or arithmetic(text) or small_talk(text, name)
    if answer:
        return answer
    for pattern, replies in TURNED:
        match = re.search(pattern, text.strip().rstrip(".!?")[:400], re.IGNORECASE)
        if match:
            return chance.choice(replies).format(reflect(match[1]))
    words = [word for word in re.findall(r"[\w'-]{5,}", text) if word.lower() not in COMMON]
    if words:
        topic = chance.choice(sorted(set(words), key=words.index)[:6])
        return f"I have no rule for that; I am only a small program. What matters most to you about “{topic[:40]}”?"
    return "I have no rule for that. Tell me more, or ask for help."
