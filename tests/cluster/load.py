"""Requests that do not end while something is done to the cluster, and what became of each."""

import io
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
from PIL import Image

HEADERS = {"content-type": "image/png"}


def digit(value: int = 1) -> bytes:
    """A bar as a PNG of 28x28, of the datasets' own kind."""
    picture = np.zeros((28, 28), np.uint8)
    picture[5:23, 12 : 14 + value % 3] = 255
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    return written.getvalue()


class Load:
    """Clients that ask without a pause: how many answers of each status, 0 for connections that broke; their words."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.labels: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.slowest_s = 0.0

    def total(self) -> int:
        return sum(self.answers.values())


@contextmanager
def load(url: str, path: str, clients: int = 4) -> Iterator[Load]:
    """As many clients as told, until the block ends; requests under way are waited for."""
    told, over, lock = Load(), threading.Event(), threading.Lock()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not over.is_set():
                begun = time.perf_counter()
                try:
                    answer = client.post(path, content=digit(), headers=HEADERS)
                    status, label, refusal = answer.status_code, "", ""
                    if status == 200:
                        label = answer.json()["label"]
                    else:
                        refusal = f"{status} {answer.text[:200]}"
                except httpx.TransportError as error:
                    status, label, refusal = 0, "", repr(error)
                with lock:
                    told.answers[status] += 1
                    told.labels.update([label] if label else [])
                    told.refusals.update([refusal] if refusal else [])
                    told.slowest_s = max(told.slowest_s, time.perf_counter() - begun)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in threads:
            thread.join(90)
            assert not thread.is_alive(), "a request was never answered"
