"""A small OpenAI-compatible server, run in a container by its text: it says so many words, one at a time."""

import http.server
import json
import sys
import time

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": "parrot", "object": "model"}]})
        else:
            self.answer(404, {})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked.get("temperature", 0) > 2:
            return self.answer(400, {"error": {"message": "temperature must be at most 2"}})
        if self.path == "/v1/images/generations":
            return self.answer(200, {"created": 1, "data": [{"b64_json": PIXEL}]})
        if self.path == "/v1/audio/speech":
            return self.answer(200, b"ID3" + asked["input"].encode(), "audio/mpeg")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        words = int(asked.get("words", 3))
        for number in range(words):
            self.say({"choices": [{"index": 0, "delta": {"content": f"word-{number} "}}]})
            time.sleep(0.1)
        self.say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.say({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": words, "total_tokens": words + 1}})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def say(self, piece):
        piece = {"id": "c1", "object": "chat.completion.chunk", "model": "parrot", **piece}
        self.wfile.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
        self.wfile.flush()


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
