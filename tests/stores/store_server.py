#!/usr/bin/env python3
"""An HTTP server on loopback that speaks as far as the library's stores need it, over files under a directory.

    store_server.py ROOT [--fail-every N] [--cut-every N]

    /plain/NAME                 ROOT/plain/NAME, with ranges
    /whole/NAME                 ROOT/whole/NAME, without ranges
    /s3/BUCKET/KEY              ROOT/s3/BUCKET/KEY: S3 with the keys below; requests that are not signed for them are refused
    /webhdfs/v1/PATH            ROOT/hdfs/PATH: a name node, which redirects to /data/PATH, a data node

Prints its port, and ends when its standard input does. Each request is a line in ROOT/log: status, method, path and query, range.
Every N-th new request is answered with 503, or its answer is cut off in the middle, if that is asked for; the same request succeeds
when it comes again.
"""

import argparse
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import shutil
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

ACCESS_KEY = "AKIDTEST"
SECRET_KEY = "the/secret+key"
SESSION_TOKEN = "the/session+token="
REGION = "eu-test-1"
HDFS_USER = "alice"


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def signature_of(handler, path, query, body):
    """What the signature of a request has to be, by AWS's description of version 4; Refused if it is no signed request."""
    header = handler.headers.get("Authorization", "")
    if not header.startswith("AWS4-HMAC-SHA256 "):
        raise Refused(403, "AccessDenied")
    fields = dict(part.strip().split("=", 1) for part in header[len("AWS4-HMAC-SHA256 "):].split(","))
    key, date, region, service, end = fields["Credential"].split("/")
    if (key, region, service, end) != (ACCESS_KEY, REGION, "s3", "aws4_request"):
        raise Refused(403, "InvalidAccessKeyId")
    signed = fields["SignedHeaders"].split(";")
    sent = {name.lower() for name in handler.headers if name.lower().startswith("x-amz-")} | {"host"}
    if not sent <= set(signed) or signed != sorted(signed):
        raise Refused(403, "HeadersNotSigned")
    if handler.headers.get("x-amz-security-token") != SESSION_TOKEN:
        raise Refused(403, "InvalidToken")
    payload = handler.headers.get("x-amz-content-sha256", "")
    if payload != hashlib.sha256(body).hexdigest():
        raise Refused(400, "XAmzContentSHA256Mismatch")
    quote = lambda text: urllib.parse.quote(text, safe="-_.~")
    canonical_query = "&".join(sorted(f"{quote(k)}={quote(v)}" for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True)))
    canonical_headers = "".join(f"{name}:{' '.join(handler.headers.get(name, '').split())}\n" for name in signed)
    request = "\n".join([handler.command, path, canonical_query, canonical_headers, ";".join(signed), payload])
    scope = f"{date}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + SECRET_KEY).encode()
    for part in (date, region, "s3", "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), fields["Signature"]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients close connections whose answers were cut off


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None, total=None):
        """`total`: the length that is told, if it is not that of the body."""
        state = self.server
        request = (self.command, self.path, self.headers.get("Range"))
        with state.lock:
            new = request not in state.seen
            state.seen.add(request)
            count = len(state.seen)
        fail = new and state.fail_every and count % state.fail_every == 0
        cut = new and state.cut_every and count % state.cut_every == 0
        if fail:
            status, body, headers, total = 503, b"slow down", {}, None
        with state.lock, open(state.root / "log", "a") as log:
            log.write(f"{status} {self.command} {self.path} {self.headers.get('Range', '-')}\n")
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if total is None else total))
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut and len(body) > 1:
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def send_file(self, path, ranges=True, headers=None):
        headers = dict(headers or {})
        if not path.is_file():
            return self.answer(404, b"no such file")
        content = path.read_bytes()
        if ranges:
            headers["Accept-Ranges"] = "bytes"
        if self.command == "HEAD":
            return self.answer(200, headers=headers, total=len(content))
        wanted = self.headers.get("Range")
        if not ranges or not wanted:
            return self.answer(200, content, headers)
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = int(first), min(int(last), len(content) - 1)
        if first >= len(content):
            return self.answer(416, b"")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self.answer(206, content[first:last + 1], headers)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        kind, _, rest = urllib.parse.unquote(path).lstrip("/").partition("/")
        try:
            if kind in ("plain", "whole"):
                self.send_file(self.server.root / kind / rest, ranges=kind == "plain")
            elif kind == "s3":
                wanted, got = signature_of(self, path, query, body)
                if wanted != got:
                    raise Refused(403, "SignatureDoesNotMatch")
                bucket, _, key = rest.partition("/")
                self.s3(bucket, key, parameters, body)
            elif kind == "webhdfs":
                self.name_node(rest.removeprefix("v1"), parameters)
            elif kind == "data":
                self.data_node("/" + rest, parameters, body)
            else:
                self.answer(404, b"what?")
        except Refused as refused:
            self.answer(refused.status, f"<Error><Code>{refused.code}</Code></Error>".encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    # -- S3

    def s3(self, bucket, key, parameters, body):
        root = self.server.root / "s3" / bucket
        path = root / key
        uploads = self.server.uploads
        if not root.is_dir():
            raise Refused(404, "NoSuchBucket")
        if self.command == "GET" and "list-type" in parameters:
            return self.s3_list(root, parameters)
        if self.command == "GET" and "uploads" in parameters:
            found = [(id, one) for id, one in uploads.items() if one["bucket"] == bucket and one["key"].startswith(parameters["prefix"])]
            text = "".join(f"<Upload><Key>{escape(one['key'])}</Key><UploadId>{id}</UploadId></Upload>" for id, one in found)
            return self.xml("ListMultipartUploadsResult", text + "<IsTruncated>false</IsTruncated>")
        if self.command in ("GET", "HEAD"):
            return self.send_file(path)
        if self.command == "POST" and "uploads" in parameters:
            id = f"upload+{next(self.server.numbers)}/x"
            uploads[id] = {"bucket": bucket, "key": key, "parts": {}}
            return self.xml("InitiateMultipartUploadResult", f"<UploadId>{id}</UploadId>")
        if "uploadId" in parameters:
            id = parameters["uploadId"]
            if id not in uploads:
                raise Refused(404, "NoSuchUpload")
            parts = uploads[id]["parts"]
            if self.command == "PUT":
                tag = '"' + hashlib.md5(body).hexdigest() + '"'
                parts[int(parameters["partNumber"])] = (tag, body)
                return self.answer(200, headers={"ETag": tag})
            if self.command == "DELETE":
                del uploads[id]
                return self.answer(204)
            for number, (tag, bytes) in parts.items():
                if f"<PartNumber>{number}</PartNumber><ETag>{escape(tag, {chr(34): '&quot;'})}</ETag>" not in body.decode().replace('"', "&quot;"):
                    raise Refused(400, "InvalidPart")
                if number != max(parts) and len(bytes) < 5 << 20:
                    raise Refused(400, "EntityTooSmall")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(bytes for _, (_, bytes) in sorted(parts.items())))
            del uploads[id]
            return self.xml("CompleteMultipartUploadResult", "")
        if self.command == "PUT":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            return self.answer(200)
        path.unlink(missing_ok=True)
        return self.answer(204)

    def s3_list(self, root, parameters):
        prefix, delimiter = parameters["prefix"], parameters.get("delimiter")
        limit = min(int(parameters.get("max-keys", "3")), 3)  # pages are small here
        keys = sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())
        rows, last = {}, ""
        for key in keys:
            if not key.startswith(prefix):
                continue
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            rows.setdefault(key if end < 0 else key[:end + 1], end < 0)
        names = [name for name in sorted(rows) if name > parameters.get("continuation-token", "")]
        text = ""
        for name in names[:limit]:
            last = name
            if rows[name]:
                text += f"<Contents><Key>{escape(name)}</Key><Size>{(root / name).stat().st_size}</Size></Contents>"
            else:
                text += f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        more = len(names) > limit
        text += f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        if more:
            text += f"<NextContinuationToken>{escape(last)}</NextContinuationToken>"
        return self.xml("ListBucketResult", text)

    def xml(self, root, text):
        self.answer(200, f'<?xml version="1.0" encoding="UTF-8"?><{root}>{text}</{root}>'.encode())

    # -- HDFS

    def json(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def hdfs_failure(self, status, message):
        self.json({"RemoteException": {"message": message}}, status)

    def name_node(self, path, parameters):
        operation = (self.command, parameters["op"])
        local = self.server.root / "hdfs" / path.lstrip("/")
        if parameters.get("user.name") != HDFS_USER:
            return self.hdfs_failure(403, "who are you?")
        if operation == ("PUT", "MKDIRS"):
            local.mkdir(parents=True, exist_ok=True)
            return self.json({"boolean": True})
        if operation == ("PUT", "RENAME"):
            to = self.server.root / "hdfs" / parameters["destination"].lstrip("/")
            done = local.exists() and not to.exists()
            if done:
                local.rename(to)
            return self.json({"boolean": done})
        if operation in (("PUT", "CREATE"), ("POST", "APPEND"), ("GET", "OPEN")):
            if operation[1] != "CREATE" and not local.is_file():
                return self.hdfs_failure(404, f"File does not exist: {path}")
            where = f"http://127.0.0.1:{self.server.server_port}/data{urllib.parse.quote(path)}?{self.path.partition('?')[2]}"
            return self.answer(307, headers={"Location": where})
        if not local.exists():
            return self.hdfs_failure(404, f"File does not exist: {path}")
        if operation == ("DELETE", "DELETE"):
            shutil.rmtree(local) if local.is_dir() else local.unlink()
            return self.json({"boolean": True})
        status = lambda one, name: {"pathSuffix": name, "type": "DIRECTORY" if one.is_dir() else "FILE",
                                    "length": 0 if one.is_dir() else one.stat().st_size}
        if operation == ("GET", "GETFILESTATUS"):
            return self.json({"FileStatus": status(local, "")})
        if operation == ("GET", "LISTSTATUS"):
            entries = [status(one, one.name) for one in local.iterdir()] if local.is_dir() else [status(local, "")]
            return self.json({"FileStatuses": {"FileStatus": entries}})
        return self.hdfs_failure(400, "no such operation")

    def data_node(self, path, parameters, body):
        local = self.server.root / "hdfs" / path.lstrip("/")
        if parameters["op"] == "OPEN":
            offset, length = int(parameters["offset"]), int(parameters["length"])
            content = local.read_bytes()
            if offset > len(content):
                return self.hdfs_failure(403, "offset out of range")
            return self.answer(200, content[offset:offset + length])
        if parameters.get("createparent") == "false" and not local.parent.is_dir():
            return self.hdfs_failure(404, f"Parent directory doesn't exist: {path}")
        local.parent.mkdir(parents=True, exist_ok=True)
        with open(local, "wb" if parameters["op"] == "CREATE" else "ab") as out:
            out.write(body)
        return self.answer(201 if parameters["op"] == "CREATE" else 200)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--fail-every", type=int, default=0)
    parser.add_argument("--cut-every", type=int, default=0)
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.root, server.uploads, server.seen, server.lock = arguments.root, {}, set(), threading.Lock()
    server.numbers = itertools.count()
    server.fail_every, server.cut_every = arguments.fail_every, arguments.cut_every
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)


main()
