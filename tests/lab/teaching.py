"""A server that answers OpenAI's protocol as a test tells it to."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def says(text: str | None, finish: str = "stop") -> tuple[int, dict[str, Any]]:
    return 200, {"choices": [{"message": {"content": text}, "finish_reason": finish}]}


def echo(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return says(f"You said: {body['messages'][-1]['content']}")


class Teacher:
    """Answers OpenAI's protocol, as a test tells it to."""

    def __init__(self) -> None:
        self.answer: Answer = echo
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        teacher = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                teacher.asked.append(body)
                teacher.keys.add(self.headers["Authorization"])
                status, said = teacher.answer(body)
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - so it is called
                pass

        class Server(ThreadingHTTPServer):
            # Connections beyond it are begun again a second later.
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def prompts(self) -> Counter[str]:
        return Counter(body["messages"][-1]["content"] for body in self.asked)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
