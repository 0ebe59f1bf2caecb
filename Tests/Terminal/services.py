"""OpenAI's and Gemini's protocols on a real loopback socket, with faults on demand.

As strict as the services: a wrong key, an unknown model, an unknown field or a refused parameter gets
the service's own error. Shapes are those of the services' references.
"""

import json
import re
import socket
import struct
import time

from loopback import Loopback

KEY = "sk-test-0123456789abcdef"


class Services(Loopback):
    """A server whose `faults` are taken one by one, each by one request, before real answers."""

    def __init__(self, answer=None, faults=(), delay=0.0):
        self.answer = answer or (lambda prompt, schema: "answer to " + prompt.split(":")[-1].strip())
        self.faults = list(faults)
        self.delay = delay
        # Seconds between the pieces of a streaming answer.
        self.pace = 0.0
        self.requests = []
        self.in_flight = 0
        self.most_in_flight = 0
        super().__init__()

    @property
    def asked(self):
        """How many questions came, faults included."""
        return len(self.requests)

    @staticmethod
    def prompt_of(data):
        """What was asked, in whichever protocol."""
        if "contents" in data:
            return data["contents"][0]["parts"][0]["text"]
        return data["input"] if "input" in data else data["messages"][-1]["content"]

    @property
    def prompts(self):
        return [self.prompt_of(data) for _, data in self.requests]

    def handle(self, request, body):
        with self.lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if request.command == "GET":
                self.models(request)
            else:
                self.question(request, body)
        finally:
            with self.lock:
                self.in_flight -= 1

    def models(self, request):
        if "/v1beta/" in request.path:
            self.send(request, 200, {"models": [{
                "name": "models/gemini-3.1-flash-lite",
                "supportedGenerationMethods": ["generateContent"]}]})
        else:
            self.send(request, 200, {"object": "list", "data": [
                {"id": "gpt-6-luna", "object": "model", "created": 1, "owned_by": "openai"}]})

    def question(self, request, body):
        is_gemini = ":generateContent" in request.path or ":streamGenerateContent" in request.path
        data = json.loads(body)
        with self.lock:
            fault = self.faults.pop(0) if self.faults else None
            self.requests.append((request.path, data))
        if self.delay:
            time.sleep(self.delay)
        if is_gemini:
            if request.headers.get("x-goog-api-key") != KEY:
                return self.gemini_error(
                    request, 400, "API key not valid. Please pass a valid API key.",
                    "INVALID_ARGUMENT", [{"reason": "API_KEY_INVALID"}])
            unknown = set(data) - {"contents", "systemInstruction", "generationConfig", "safetySettings"}
            if unknown:
                return self.gemini_error(
                    request, 400, f'Invalid JSON payload received. Unknown name "{unknown.pop()}": Cannot find field.',
                    "INVALID_ARGUMENT")
        elif "local" not in request.headers.get("Authorization", "local"):
            if request.headers.get("Authorization") != "Bearer " + KEY:
                return self.openai_error(
                    request, 401, "Incorrect API key provided: sk-te****cdef.", "invalid_request_error",
                    "invalid_api_key")
        if not is_gemini and data.get("temperature") not in (None, 1) and data["model"].startswith("gpt-6"):
            return self.openai_error(
                request, 400, "Unsupported value: 'temperature' does not support this value.",
                "invalid_request_error", "unsupported_value", "temperature")
        if fault and fault(self, request, is_gemini):
            return
        self.answer_question(request, data, is_gemini)

    def answer_question(self, request, data, is_gemini, text=None, finish=None):
        if data.get("stream") or ":streamGenerateContent" in request.path:
            return self.stream(request, data, is_gemini, text, finish)
        if is_gemini:
            prompt = data["contents"][0]["parts"][0]["text"]
            schema = data.get("generationConfig", {}).get("responseJsonSchema")
            text = self.answer(prompt, schema) if text is None else text
            return self.send(request, 200, {
                "candidates": [{
                    "index": 0, "finishReason": finish or "STOP",
                    "content": {"role": "model", "parts": [{"text": text}]}}],
                "usageMetadata": {
                    "promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
                "modelVersion": "gemini-3.1-flash-lite", "responseId": "r1"})
        if request.path.endswith("/v1/responses"):
            schema = data.get("text", {}).get("format", {}).get("schema")
            text = self.answer(data["input"], schema) if text is None else text
            body = {
                "id": "resp_1", "object": "response", "status": "incomplete" if finish else "completed",
                "model": data["model"], "error": None,
                "incomplete_details": {"reason": finish} if finish else None,
                "output": [
                    {"type": "reasoning", "id": "rs_1", "summary": []},
                    {"type": "message", "role": "assistant", "status": "completed",
                     "content": [{"type": "output_text", "text": text, "annotations": []}]}],
                "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}}
            return self.send(request, 200, body)
        schema = data.get("response_format", {}).get("json_schema", {}).get("schema")
        text = self.answer(data["messages"][-1]["content"], schema) if text is None else text
        self.send(request, 200, {
            "id": "chatcmpl-1", "object": "chat.completion", "model": data["model"],
            "choices": [{"index": 0, "finish_reason": finish or "stop",
                         "message": {"role": "assistant", "content": text, "refusal": None}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})

    def stream(self, request, data, is_gemini, text=None, finish=None, pieces=None):
        """Answers by server-sent events, a piece each; `pieces` cuts the answer off after so many."""
        text = self.answer(self.prompt_of(data), None) if text is None else text
        parts = [text[start:start + 7] for start in range(0, len(text), 7)]
        whole = pieces is None
        parts = parts if whole else parts[:pieces]
        events = []
        if is_gemini:
            for part in parts:
                events.append({"candidates": [{"content": {"role": "model", "parts": [{"text": part}]}}],
                               "usageMetadata": {"promptTokenCount": 10}, "modelVersion": "m"})
            if whole:
                events.append({"candidates": [{"content": {"role": "model", "parts": []},
                                               "finishReason": finish or "STOP"}],
                               "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5}})
            lines = [f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in events]
        elif request.path.endswith("/v1/responses"):
            events.append({"type": "response.created", "response": {"status": "in_progress"}})
            events += [{"type": "response.output_text.delta", "delta": part} for part in parts]
            if whole:
                status = "incomplete" if finish else "completed"
                events.append({"type": "response." + status, "response": {
                    "id": "resp_1", "status": status, "model": data["model"],
                    "incomplete_details": {"reason": finish} if finish else None,
                    "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
                    "usage": {"input_tokens": 10, "output_tokens": 5}}})
            lines = [f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
                     for event in events]
        else:
            for part in parts:
                events.append({"model": data["model"], "choices": [
                    {"index": 0, "delta": {"content": part}, "finish_reason": None}]})
            if whole:
                events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish or "stop"}]})
                if data.get("stream_options", {}).get("include_usage"):
                    events.append({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
            lines = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
            lines += ["data: [DONE]\n\n"] if whole else []
        try:
            request.send_response(200)
            request.send_header("Content-Type", "text/event-stream; charset=utf-8")
            request.send_header("Connection", "close")
            request.end_headers()
            for line in lines:
                # Two writes for each event, so that chunks end inside of characters.
                payload = line.encode()
                for part in (payload[:len(payload) // 2], payload[len(payload) // 2:]):
                    request.wfile.write(part)
                    request.wfile.flush()
                time.sleep(self.pace)
        except (BrokenPipeError, ConnectionResetError):
            pass
        request.close_connection = True

    def openai_error(self, request, status, message, kind, code=None, param=None, headers=()):
        self.send(request, status, {"error": {
            "message": message, "type": kind, "param": param, "code": code}}, headers)

    def gemini_error(self, request, status, message, word, details=()):
        self.send(request, status, {"error": {
            "code": status, "message": message, "status": word, "details": list(details)}})

    def send(self, request, status, body, headers=()):
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(payload)))
            for name, value in headers:
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass


# Faults: each takes (services, request, is_gemini) and says whether it has answered.

def rate_limit(seconds):
    def fault(services, request, is_gemini):
        if is_gemini:
            services.gemini_error(
                request, 429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED",
                [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}])
        else:
            services.openai_error(
                request, 429, "Rate limit reached.", "requests", "rate_limit_exceeded",
                headers=[("Retry-After", str(seconds))])
        return True
    return fault


def status(code):
    def fault(services, request, is_gemini):
        services.send(request, code, b"<html>error</html>")
        return True
    return fault


def refused(message):
    """A refusal in words of the service's own."""
    def fault(services, request, is_gemini):
        if is_gemini:
            services.gemini_error(request, 400, message, "INVALID_ARGUMENT", [])
        else:
            services.openai_error(request, 400, message, "invalid_request_error", None)
        return True
    return fault


def hang(seconds):
    def fault(services, request, is_gemini):
        time.sleep(seconds)
        return False
    return fault


def reset(services, request, is_gemini):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True
    return True


def blocked(services, request, is_gemini):
    if is_gemini:
        services.send(request, 200, {
            "promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 10}})
    elif request.path.endswith("/v1/responses"):
        services.send(request, 200, {
            "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-6-luna",
            "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I can't."}]}],
            "usage": {"input_tokens": 10, "output_tokens": 1}})
    else:
        services.send(request, 200, {
            "id": "c", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "finish_reason": "content_filter",
                         "message": {"role": "assistant", "content": None}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 0}})
    return True


def answered(text=None, finish_openai=None, finish_gemini=None, finish_chat=None):
    def fault(services, request, is_gemini):
        data = services.requests[-1][1]
        if is_gemini:
            finish = finish_gemini
        elif request.path.endswith("/v1/responses"):
            finish = finish_openai
        else:
            finish = finish_chat
        services.answer_question(request, data, is_gemini, text=text, finish=finish)
        return True
    return fault


cut_short = answered("half an ans", "max_output_tokens", "MAX_TOKENS", "length")


def truncated_body(services, request, is_gemini):
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", "5000")
    request.end_headers()
    request.wfile.write(b'{"id":"resp_1","output":[{"type"')
    request.wfile.flush()
    request.connection.close()
    request.close_connection = True
    return True


def broken_stream(services, request, is_gemini):
    """A streaming answer that ends after two pieces."""
    services.stream(request, services.requests[-1][1], is_gemini, pieces=2)
    return True


def out_of_credit(services, request, is_gemini):
    if is_gemini:
        services.gemini_error(
            request, 429, "Quota exceeded.", "RESOURCE_EXHAUSTED",
            [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}])
    else:
        services.openai_error(
            request, 429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
    return True
