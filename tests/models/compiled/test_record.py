"""A record is believed where it is of this checkpoint and makes sense; otherwise the network runs in float32."""

import json

import pytest

from models.compiled import record
from models.compiled.record import Record

DIGEST = "ab" * 32
SOUND = {"checkpoint": DIGEST, "ranges": {"relu": [0.0, 5.5], "x": [-1, 2]}, "allowed": ["float32", "int8"]}


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "lenet.lineup"


def write(checkpoint, told) -> None:
    text = told if isinstance(told, str) else json.dumps(told)
    record.path_for(checkpoint).write_text(text, encoding="utf-8")


def test_a_record_lies_beside_its_checkpoint(checkpoint):
    assert record.path_for(checkpoint) == checkpoint.parent / "lenet.forms.json"
    write(checkpoint, {**SOUND, "measured": {"more": "that is not asked for"}})
    found = record.read(checkpoint, DIGEST)
    assert found == Record({"relu": (0.0, 5.5), "x": (-1.0, 2.0)}, ("float32", "int8"))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"allowed": ["int8-narrow", "int8"]}, ("float32", "int8", "int8-narrow")),
        ({"allowed": []}, ("float32",)),
        ({"allowed": ["int4", 7, None]}, ("float32",)),
        ({"ranges": {}}, ("float32",)),  # which int8 would want
    ],
)
def test_float32_may_always_run_and_what_is_unknown_never(checkpoint, changes, allowed):
    write(checkpoint, {**SOUND, **changes})
    assert record.read(checkpoint, DIGEST).allowed == allowed


def test_of_another_checkpoint_it_says_nothing(checkpoint):
    write(checkpoint, SOUND)
    assert record.read(checkpoint, "cd" * 32) == Record()


def changed(**changes) -> str:
    return json.dumps({**SOUND, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "null",
        "7",
        '"text"',
        "{}",
        "[" * 100_000,
        json.dumps({"checkpoint": DIGEST}),
        changed(ranges=None),
        changed(ranges=[]),
        changed(ranges="relu"),
        changed(ranges={"relu": 5}),
        changed(ranges={"relu": [1]}),
        changed(ranges={"relu": [1, 2, 3]}),
        changed(ranges={"relu": ["a", "b"]}),
        changed(ranges={"relu": [None, 1]}),
        changed(ranges={"relu": [0, float("inf")]}),
        changed(ranges={"relu": [float("-inf"), 0]}),
        changed(ranges={"relu": [0, float("nan")]}),
        changed(ranges={"relu": [-1e300, 1e300]}),
        changed(ranges={"relu": [0, 10**400]}),
        changed(ranges={"relu": [2, 1]}),
        changed(allowed=None),
        changed(allowed=7),
        changed(allowed="int8-narrow"),
        changed(allowed={"int8": False}),
    ],
    ids=lambda text: text[-60:],
)
def test_what_makes_no_sense_says_nothing(checkpoint, text):
    write(checkpoint, text)
    assert record.read(checkpoint, DIGEST) == Record()


def test_what_cannot_be_read_says_nothing(checkpoint):
    assert record.read(checkpoint, DIGEST) == Record()
    record.path_for(checkpoint).write_bytes(b"\xff\xfe\x00")
    assert record.read(checkpoint, DIGEST) == Record()
    record.path_for(checkpoint).unlink()
    record.path_for(checkpoint).mkdir()
    assert record.read(checkpoint, DIGEST) == Record()


def test_records_that_say_the_same_have_one_digest():
    one = Record({"a": (0.0, 1.0), "b": (0.0, 2.0)}, ("float32", "int8"))
    assert one.digest() == Record({"b": (0.0, 2.0), "a": (0.0, 1.0)}, ("float32", "int8")).digest()
    others = [Record(), Record(one.ranges), Record({**one.ranges, "b": (0.0, 2.5)}, one.allowed)]
    assert len({one.digest(), *(other.digest() for other in others)}) == 4
