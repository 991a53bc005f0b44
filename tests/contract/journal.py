"""The journal of stand-ins in pods, which runs in a pod of its own by `python -c`.

`GET /<reality>/<id>/<event>/<who>` notes an event once, `GET /<reality>/<id>` lists them. As with a claim, only the
first to say "started" for an id is wanted.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTED: dict[tuple[str, str], list[tuple[str, str]]] = {}
GUARD = threading.Lock()


class Journal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        reality, id, *event = self.path.strip("/").split("/")
        with GUARD:
            noted = NOTED.setdefault((reality, id), [])
            first = next((who for what, who in noted if what == "started"), None)
            refused = bool(event) and first not in (None, event[1])
            if event and not refused and (event[0], event[1]) not in noted:
                noted.append((event[0], event[1]))
            answer = "\n".join(what for what, _ in noted).encode()
        self.send_response(409 if refused else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        return


ThreadingHTTPServer(("", 8080), Journal).serve_forever()
