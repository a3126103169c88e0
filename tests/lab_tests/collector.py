"""A machine API for the tests of the lab: prints each POST as a line of JSON.

It refuses the token ``refused`` and, once it has joined, the token ``leave``.
"""

from __future__ import annotations

import http.server
import json
import sys


class Collector(http.server.BaseHTTPRequestHandler):
    """Answers what a machine posts."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = dict(line.partition("=")[::2] for line in body.splitlines())
        print(json.dumps({"path": self.path, **fields}), flush=True)
        refused = fields["token"] == "refused" or (fields["token"] == "leave" and self.path == "/lab/seen")
        answer = b"machine\nnot wanted here\n" if refused else b"ok\n"
        self.send_response(403 if refused else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Collector).serve_forever()
