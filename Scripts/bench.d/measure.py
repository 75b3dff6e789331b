"""What the benchmarks of whole programs share."""
import http.client
import json
import socket
import statistics


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def emit(name, unit, values, better="lower", **more):
    """Says what was measured, as one JSON object on a line; gives that, too."""
    values = sorted(values)
    line = {
        "name": name, "value": round(statistics.median(values), 4), "unit": unit, "better": better, "n": len(values),
        "p50": round(statistics.median(values), 4), **{f"p{part}": round(values[(len(values) - 1) * part // 100], 4) for part in (95, 99)}, **more,
    }
    print(json.dumps(line), flush=True)
    return line
