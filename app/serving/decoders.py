"""Decoders in processes of their own, so that a file that breaks one, or never ends, costs its own request alone.

A decoder that is entered by strangers' bytes may crash, hang or grow, and the service with it. What is so usual that
this is not to be feared (`models.intake.ordinary`) is decoded where it is asked for, on one of the service's threads;
all else by a worker, which `decoder_process` tells of. All of them share one budget of memory.
"""

import logging
import os
import signal
import socket
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from PIL import Image

from app.serving.budget import Budget
from app.serving.decoder_source import DecoderSource, NoDecoder
from app.serving.messages import Message, receive, send
from app.settings import Settings
from models.intake import decode
from models.intake.ordinary import is_ordinary
from models.intake.steps import IntakeError

log = logging.getLogger(__name__)

GRACE_S = 2.0  # in which a worker whose time is up should have ended itself
SMALL = 4 << 20  # bytes that need no part of the budget: a picture of a few hundred pixels a side
KEPT = 64 << 20  # bytes: a worker that held more is not kept, since it would keep some of them
MOST = 1 << 28  # bytes of an answer; decode() gives a few megapixels
CODES = ("too_many_pixels", "unsupported_type", "undecodable")  # of a DecodeError
RIGHT = "send it saved anew, as PNG or JPEG"


class DecodingFailed(IntakeError):
    """A picture was not decoded, which need not be its own fault: ``code`` is deadline_exceeded or not_ready."""

    def __init__(self, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


class Worker:
    """A process that decodes one picture at a time."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.connection, self.pid = connection, pid
        self.held = 0

    def is_there(self) -> bool:
        """Whether it waits for a picture: it has nothing to say then, and has not hung up."""
        self.connection.setblocking(False)
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def ask(self, told: dict[str, object], data: bytes, seconds: float) -> Message:
        """What it answers. TimeoutError where it does not, and is ended; OSError or ValueError where it broke off."""
        self.connection.settimeout(seconds + GRACE_S)
        try:
            send(self.connection, told, data)
            answer = receive(self.connection, MOST)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)  # it is there, and its number its own: its socket is open
            raise
        if answer is None:
            raise ConnectionResetError("its socket was closed")
        return answer

    def close(self) -> None:
        """Let it end itself; it does at once, where it waits."""
        self.connection.close()


class Decoders:
    """A `models.intake.decode.Decoder`; safe to call from several threads, each of which it occupies meanwhile.

    `seconds`: how long one picture may take; `most_bytes`: what all that are decoded at once may hold together.
    """

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._seconds = seconds
        self.budget = Budget(most_bytes)
        self._source = DecoderSource()
        self._lock = threading.Lock()
        self.idle: list[Worker] = []  # they wait for a picture

    @classmethod
    def of(cls, settings: Settings) -> "Decoders | None":
        """What the settings say; None where processes cannot be forked, as on Windows."""
        return cls(settings.deadline_s, settings.max_decoding_bytes) if hasattr(os, "fork") else None

    def start(self) -> None:
        """Start what takes half a second, so that the first picture need not wait for it."""
        try:
            self._source.start()
        except OSError as error:
            log.warning("no process for decoders can be started now: %s", error)

    def close(self) -> None:
        """End every process. Nothing may be at work any more."""
        with self._lock:
            for worker in self.idle:
                worker.close()
            self.idle.clear()
        self._source.close()

    def __call__(self, data: bytes, *, max_pixels: int) -> Image.Image:
        """See Decoder. Raises DecodeError, or DecodingFailed."""
        if is_ordinary(data):
            return decode.decode(data, max_pixels=max_pixels, holding=self._holding)
        worker = self._take()
        try:
            answer = self._ask(worker, data, max_pixels)
        except BaseException:
            worker.close()
            raise
        self._give_back(worker)
        if said := self._source.said():
            log.info("decoders say: %s", said)
        return _image(answer)

    def _take(self) -> Worker:
        with self._lock:
            while self.idle:
                if (worker := self.idle.pop()).is_there():
                    return worker
                worker.close()
        try:
            return Worker(*self._source.worker())
        except (OSError, NoDecoder) as error:
            log.warning("there is no process to decode a picture: %s", error)
            told = f"there is no process to decode the picture now ({error}); try again shortly"
            raise DecodingFailed("not_ready", told, retry_after=2) from error

    def _give_back(self, worker: Worker) -> None:
        if worker.held > KEPT:
            worker.close()
            return
        with self._lock:
            self.idle.append(worker)

    def _ask(self, worker: Worker, data: bytes, max_pixels: int) -> Message:
        """What a worker makes of a picture, whose part of the budget is taken once it tells its size."""
        answer = self._exchange(worker, {"max_pixels": max_pixels, "seconds": self._seconds}, data)
        if "holds" not in answer.told:
            return answer
        worker.held = answer.told["holds"]
        with self._holding(worker.held):
            return self._exchange(worker, {"seconds": self._seconds}, b"")

    def _exchange(self, worker: Worker, told: dict[str, object], data: bytes) -> Message:
        start = time.monotonic()
        try:
            return _checked(worker.ask(told, data, self._seconds))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise self._broken_off(time.monotonic() - start, error) from error

    def _broken_off(self, took: float, error: Exception) -> IntakeError:
        said = self._source.said() or "it said nothing"
        log.warning("a decoder broke off on a picture after %.1f s (%s): %s", took, error, said)
        if took >= self._seconds:
            told = f"the picture was not decoded within {self._seconds:g} s; {RIGHT}, or smaller"
            return DecodingFailed("deadline_exceeded", told)
        return decode.DecodeError("undecodable", f"the decoder broke off on the picture, which may be damaged; {RIGHT}")

    def _holding(self, amount: int) -> AbstractContextManager[None]:
        return self.budget.hold(amount, self._seconds) if amount > SMALL else nullcontext()


def _checked(answer: Message) -> Message:
    """An answer as a worker gives it. ValueError, TypeError or KeyError where something else made it."""
    told = answer.told
    if "holds" in told:
        told["holds"] = int(told["holds"])
    elif "code" in told:
        if told["code"] not in CODES:
            raise ValueError("an error that is none of decoding")
    else:
        width, height = told["size"]
        if len(answer.data) != width * height * {"L": 1, "RGB": 3}[told["mode"]]:
            raise ValueError(f"{len(answer.data)} bytes for {width}x{height} pixels")
    return answer


def _image(answer: Message) -> Image.Image:
    """The picture in a worker's answer. Raises DecodeError where it could not be opened."""
    told = answer.told
    if "code" in told:
        raise decode.DecodeError(told["code"], str(told["message"]))
    image = Image.frombytes(told["mode"], tuple(told["size"]), answer.data)
    image.info[decode.ORIGINAL_SIZE] = tuple(told["original"])
    return image
