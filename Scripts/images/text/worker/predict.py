"""The text worker: a rule-based responder, and it says so."""

from cog import BaseRunner, Input

from responder import respond
from worker import Work, clip, seconds_input


class Runner(BaseRunner):
    def setup(self) -> None:
        print("worker: rule-based responder; it is no language model", flush=True)

    def run(
        self,
        prompt: str = Input(description="What to answer", max_length=100000),
        seconds: float = seconds_input(),
    ) -> str:
        work = Work("responder", seconds)
        work.progress(0, clip(prompt, 100))
        # A long prompt may be several questions; each line gets its answer.
        lines = [line.strip() for line in prompt.splitlines() if line.strip()][:20]
        answers = [respond(line, "Jessica's text worker") for line in lines]
        work.finish()
        return "\n".join(answers) or "You said nothing; ask me something."
