"""A proxy before Notion on a loopback socket that spoils chosen requests, each once, and notes all.

What it answers are Notion's own errors, word for word, or those of an edge before it.
"""

import http.client
import json
import re
import socket
import struct
import time
from urllib.parse import urlsplit

from loopback import Loopback


def error(status, code, message, **more):
    return json.dumps({"object": "error", "status": status, "code": code, "message": message, **more})


#: Notion's answers when it could not, or does not say whether it could: (status, type, body, headers).
ANSWERS = {
    "500": (500, error(500, "internal_server_error", "Unexpected error occurred."), {}),
    "502": (502, "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>",
            {"Content-Type": "text/html", "CF-Ray": "8f0-NRT"}),
    "503": (503, error(503, "service_unavailable", "Notion is unavailable, please try again later."), {}),
    "504": (504, error(504, "gateway_timeout", "Gateway Timeout"), {}),
    "529": (529, error(529, "service_overload", "Overloaded"), {"Retry-After": "1"}),
    "409": (409, error(409, "conflict_error", "Conflict occurred while saving. Please try again."), {}),
    "429": (429, error(
        429, "rate_limited", "You have been rate limited. Please try again in a few minutes.",
        additional_data={"rate_limit_reason": "public_api_request_rate_limit", "retry_after": "1"}),
        {"Retry-After": "1"}),
    "workspace": (429, error(
        429, "rate_limited", "You have been rate limited. Please try again in a few minutes.",
        additional_data={"rate_limit_reason": "public_api_workspace_rate_limit", "retry_after": "2"}),
        {"Retry-After": "2"}),
    "blocked": (429, error(
        429, "rate_limited", "This connection has been blocked.",
        additional_data={"rate_limit_reason": "public_api_request_blocked"}), {"Retry-After": "1"}),
}


def committed(answer, path):
    """The answer of a write that was done and took too long."""
    body = json.loads(answer)
    more = {"from": "publicApi.test", "elapsed_ms": "55012", "deadline_ms": "55000",
            "retry_guidance": ["Read the object again to confirm the saved change.",
                               "Do not repeat the write."]}
    if "results" in body:
        more["committed_resource_id"] = path.split("/")[3]
        more["committed_child_ids"] = [item["id"] for item in body["results"]]
    else:
        more["committed_resource_id"] = body["id"]
    return 503, error(
        503, "service_unavailable", "The change was saved, but the response could not be built in time. "
        "Read the object again instead of repeating the write.", additional_data=more), {}


class Proxy(Loopback):
    """A proxy; `rules` are (method, pattern of the path, when, what), each for one request.

    `when` is "before" (the request never arrives) or "after" (it does, its answer is lost); `what` is a
    name of ANSWERS, "committed", "reset" or "malformed".
    """

    def __init__(self, target, rules=()):
        self.target = urlsplit(target).netloc
        self.rules = list(rules)
        self.requests = []
        super().__init__()

    def handle(self, request, body):
        with self.lock:
            rule = next((rule for rule in self.rules
                         if rule[0] == request.command and re.search(rule[1], request.path)), None)
            if rule:
                self.rules.remove(rule)
            when, what = rule[2:] if rule else ("", "")
            entry = {"method": request.command, "path": request.path, "body": body, "fault": what,
                     "at": time.monotonic()}
            self.requests.append(entry)
        if when == "before":
            return self.spoil(request, what, None)
        connection = http.client.HTTPConnection(self.target)
        connection.request(request.command, request.path, body or None, {
            name: value for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "connection", "accept-encoding")})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        entry["status"] = answer.status
        if when == "after":
            return self.spoil(request, what, data)
        headers = {name: value for name, value in answer.getheaders()
                   if name.lower() in ("content-type", "retry-after")}
        self.send(request, answer.status, data, headers)

    def spoil(self, request, what, answer):
        if what == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
            request.close_connection = True
            return
        if what == "malformed":
            return self.send(request, 200, answer[:-3], {})
        status, body, headers = committed(answer, request.path) if what == "committed" else ANSWERS[what]
        self.send(request, status, body.encode(), headers)

    @staticmethod
    def send(request, status, body, headers):
        try:
            request.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
