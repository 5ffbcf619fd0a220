"""The floor of a swap: start first and HAProxy's runtime API, no journal, no undo. `floor.py up|serial|parallel IMAGE`.

PREFIX names the containers, HAPROXY is the runtime socket. Four replicas; replica N uses slot N or N + 4, in turn.
"""

import http.client
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

DOCKER = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
PREFIX = os.environ["PREFIX"]
HAPROXY = os.environ["HAPROXY"]
ENV = ["READY_AFTER_MS=500", "DRAIN_MS=200"]


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(DOCKER)


def docker(method, path, body=None, **query):
    connection = Connection("docker", timeout=120)
    text = None if body is None else json.dumps(body)
    target = f"/v1.41{path}?{urllib.parse.urlencode(query)}"
    connection.request(method, target, text, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {data.decode()}")
    return json.loads(data) if data else None


def haproxy(text):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(HAPROXY)
        sock.sendall(text.encode() + b"\n")
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode().strip()


def slots():
    """Slot name to (status, sessions)."""
    lines = haproxy("show stat").splitlines()
    names = lines[0].lstrip("# ").split(",")
    rows = [dict(zip(names, line.split(","))) for line in lines[1:]]
    return {r["svname"]: (r["status"], int(r["scur"])) for r in rows if r["svname"].startswith("slot")}


def healthy(address):
    try:
        connection = http.client.HTTPConnection(address, 8000, timeout=1)
        connection.request("GET", "/health/")
        return connection.getresponse().status == 200
    except OSError:
        return False


def wait(condition, every=0.01, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(every)


def begin(name, image):
    """Starts a replica; returns its address once it is healthy."""
    docker("POST", "/containers/create", {"Image": image, "Env": ENV}, name=name)
    docker("POST", f"/containers/{name}/start")
    address = docker("GET", f"/containers/{name}/json")["NetworkSettings"]["IPAddress"]
    wait(lambda: healthy(address))
    return address


def route(slot, address):
    haproxy(f"set server web/{slot} addr {address} port 8000")
    haproxy(f"set server web/{slot} state ready")


def up(index, image):
    route(f"slot{index}", begin(f"{PREFIX}-{index}", image))


def swap(index, image):
    name = f"{PREFIX}-{index}"
    pair = (f"slot{index}", f"slot{index + 4}")
    old, free = pair if slots()[pair[0]][0] != "MAINT" else pair[::-1]
    route(free, begin(f"{name}-next", image))
    haproxy(f"set server web/{old} state drain")
    wait(lambda: slots()[old][1] == 0)
    haproxy(f"set server web/{old} state maint")
    docker("POST", f"/containers/{name}/stop", t=10)
    docker("DELETE", f"/containers/{name}", v="true")
    docker("POST", f"/containers/{name}-next/rename", name=name)


def main():
    order, image = sys.argv[1:]
    work = up if order == "up" else swap
    failed = []

    def one(index):
        try:
            work(index, image)
        except Exception as error:  # told below, with the replica
            failed.append(f"{index}: {error}")

    threads = [threading.Thread(target=one, args=[i]) for i in range(1, 5)]
    for thread in threads:
        thread.start()
        if order == "serial":
            thread.join()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
