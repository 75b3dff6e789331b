"""Everything that happens in the fleet, read from its event stream by a thread."""

import bisect
import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any


class EventLog:
    """All events from the beginning on, in order; the stream is taken up again where it broke."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection]):
        self.connect = connect
        self.changed = threading.Condition()
        self.list: list[dict[str, Any]] = []
        self.numbers: list[int] = []
        self.gaps = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def count(self) -> int:
        return len(self.numbers)

    def close(self) -> None:
        self.is_over = True

    def after(self, number: int) -> list[dict[str, Any]]:
        with self.changed:
            return self.list[bisect.bisect_right(self.numbers, number) :]

    def wait_for_more(self, count: int, within: float) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.count > count, within)

    def catch_up(self) -> int:
        """Waits until the thread has read what had happened before this call; the number of the last event."""
        connection = self.connect()
        last = 0
        try:
            while True:
                connection.request("GET", f"/api/v1/events?after={last or (self.numbers[-1] if self.numbers else 0)}&limit=10000")
                page = json.loads(connection.getresponse().read())
                if page["items"]:
                    last = page["items"][-1]["seq"]
                if not page.get("next"):
                    break
        finally:
            connection.close()
        last = last or (self.numbers[-1] if self.numbers else 0)
        with self.changed:
            assert self.changed.wait_for(lambda: not last or (self.numbers and self.numbers[-1] >= last), 15), "the event stream is behind"
        return last

    def add(self, event: dict[str, Any]) -> None:
        with self.changed:
            if self.numbers and event["seq"] <= self.numbers[-1]:
                return
            self.numbers.append(event["seq"])
            self.list.append(event)
            self.changed.notify_all()

    # The thread

    def run(self) -> None:
        while not self.is_over:
            try:
                self.fill()
                self.follow()
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                time.sleep(0.1)  # The controller is away; it comes back.

    def fill(self) -> None:
        """What the stream does not bring again: everything since the last event seen."""
        connection = self.connect()
        try:
            while True:
                after = self.numbers[-1] if self.numbers else 0
                connection.request("GET", f"/api/v1/events?after={after}&limit=10000")
                page = json.loads(connection.getresponse().read())
                for event in page["items"]:
                    self.add(event)
                if not page.get("next"):
                    return
        finally:
            connection.close()

    def follow(self) -> None:
        connection = self.connect()
        try:
            last = self.numbers[-1] if self.numbers else 0
            connection.request("GET", "/api/v1/stream?topics=all", headers={"Last-Event-ID": str(last)} if last else {})
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(f"the stream answered {answer.status}")
            kind, data = "", ""
            while line := answer.readline().decode():
                line = line.rstrip("\r\n")
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line:
                    if kind == "resync":
                        self.gaps += 1
                        return
                    if data:
                        self.add(json.loads(data))
                    kind, data = "", ""
        finally:
            connection.close()
