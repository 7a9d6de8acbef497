"""The folder in which rows wait: who may go on from it, and what it becomes."""

import json
import os
from itertools import count
from pathlib import Path

import pytest

from app.batch import formats
from app.batch.partial import Partial, PartialError
from models.checkpoints import lock

ASKED = {"source": {"zip": "/pictures.zip", "bytes": 7}, "model": "lenet"}


def row(number):
    return {"picture": f"{number}.png"}


def write(file, rows):
    file.writelines(map(formats.line, rows))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "answers.jsonl"


def begun(out, *parts):
    """A folder with rows of some pictures, as an ended run leaves it."""
    with Partial(out) as partial:
        partial.begin(ASKED)
        for start, count in parts:
            partial.add([row(n) for n in range(start, start + count)], start)


def test_a_run_goes_on_where_the_last_part_ends(out):
    begun(out, (0, 3), (3, 2))
    with Partial(out) as partial:
        assert partial.begin(ASKED) == 5
        partial.add([row(5)], 5)
        partial.finish(write)
    assert [json.loads(line) for line in out.read_text().splitlines()] == [row(n) for n in range(6)]
    assert list(out.parent.iterdir()) == [out]


def test_who_asks_otherwise_is_told_what_differs(out):
    begun(out, (0, 1))
    other = {**ASKED, "source": {"zip": "/pictures.zip", "bytes": 8}}
    with (
        Partial(out) as partial,
        pytest.raises(PartialError, match=r"another source: zip /pictures.zip, bytes 7, now .*bytes 8.*--fresh"),
    ):
        partial.begin(other)
    with Partial(out) as partial, pytest.raises(PartialError, match="another model: lenet, now resnet18"):
        partial.begin({**ASKED, "model": "resnet18"})
    with Partial(out, fresh=True) as partial:
        assert partial.begin(other) == 0


def test_what_holds_no_rows_hinders_nobody(out):
    begun(out)
    with Partial(out) as partial:
        assert partial.begin({**ASKED, "model": "resnet18"}) == 0


def test_rows_after_a_part_that_is_gone_are_made_anew(out):
    begun(out, (0, 2), (2, 2), (4, 2))
    next(out.with_name("answers.jsonl.partial").glob("*002-2.jsonl")).unlink()
    with Partial(out) as partial:
        assert partial.begin(ASKED) == 2
        partial.add([row(n) for n in range(2, 5)], 2)
        assert list(partial.rows()) == [row(n) for n in range(5)]


def test_two_runs_cannot_write_the_same(out):
    with Partial(out) as partial:
        partial.begin(ASKED)
        with pytest.raises(PartialError, match=r"another run is writing .*answers.jsonl"):
            Partial(out)
        with pytest.raises(PartialError, match="another run"):
            Partial(out, fresh=True)
    with Partial(out) as partial:
        assert partial.begin(ASKED) == 0


def test_a_run_that_could_not_begin_leaves_nothing(out):
    with Partial(out):
        pass
    assert list(out.parent.iterdir()) == []


def test_a_run_that_could_not_remove_its_folder_is_known_with_what_it_told(out, monkeypatch):
    begun(out, (0, 1))
    with Partial(out) as partial, monkeypatch.context() as patch:
        partial.begin(ASKED)
        patch.setattr(Partial, "_remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            partial.finish(lambda file, rows: write(file, rows) or {"answered": 1})
    with Partial(out) as partial:
        assert partial.finished() == (ASKED, {"answered": 1})
        assert partial.finished() is None
        assert partial.begin({**ASKED, "model": "resnet18"}) == 0
    out.write_text("another's")
    with Partial(out) as partial:
        assert partial.finished() is None


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("ends", ["whole", "not begun"])
def test_another_run_may_start_at_every_moment_of_ones_end(out, monkeypatch, ends):
    """It lost its folder to the one that ended, or had that fail at what it removed itself."""
    refused = taken = 0
    for moment in count():
        with monkeypatch.context() as patch, Partial(out) as partial:
            partial.listing.touch()
            if ends == "whole":
                partial.begin(ASKED)
                partial.add([row(0)], 0)
                partial.add([row(1)], 1)
            others = started_at(patch, out, moment)
            if ends == "whole":
                partial.finish(write)
                assert out.read_bytes() == b"".join(map(formats.line, [row(0), row(1)]))
        if not others:
            break
        refused += others == [None]
        for other in filter(None, others):
            taken += 1
            assert started(out) is None
            with other:
                assert other.begin(ASKED) == 0
                other.add([row(0)], 0)
                other.finish(write)
        assert list(out.parent.iterdir()) in ([], [out])
        out.unlink(missing_ok=True)
    assert refused > 2
    assert taken > 2


def started(out):
    """Another run of `out`; None where it is told to wait."""
    try:
        return Partial(out)
    except PartialError:
        return None


def started_at(patch, out, moment):
    """What is `started` at a moment, before or after some removal of a file or folder; nothing before that."""
    others, moments = [], count()

    def pass_by():
        if next(moments) == moment:
            others.append(started(out))

    def passing(real):
        def remove(*given, **options):
            pass_by()
            real(*given, **options)
            pass_by()

        return remove

    for name in ("unlink", "rmdir"):
        patch.setattr(os, name, passing(getattr(os, name)))
    return others


@pytest.mark.parametrize(("place", "step"), [(Path, "open"), (lock, "take")])
def test_a_run_that_ends_between_two_steps_of_anothers_start_takes_nothing_from_it(out, monkeypatch, place, step):
    first, real = Partial(out), getattr(place, step)

    def ended_first(*given, **options):
        first.__exit__()
        return real(*given, **options)

    monkeypatch.setattr(place, step, ended_first)
    with Partial(out) as other:
        assert started(out) is None
        assert other.begin(ASKED) == 0


def test_a_folder_that_was_not_removed_to_the_end_holds_no_run(out):
    begun(out, (0, 3))
    folder = out.with_name("answers.jsonl.partial")
    (folder / "begun.json").unlink()
    (folder / "listing-x").mkdir()
    (folder / "listing-x" / "0").touch()
    with Partial(out) as partial:
        assert [path.name for path in folder.iterdir()] == ["lock"]
        assert partial.begin({**ASKED, "model": "resnet18"}) == 0


def test_an_output_that_was_there_stays_until_the_new_one_is_whole(out):
    out.write_text("old")
    begun(out, (0, 1))

    def fails(file, rows):
        file.write(b"half a ro")
        raise OSError(28, "No space left on device")

    with Partial(out) as partial:
        partial.begin(ASKED)
        with pytest.raises(OSError, match="No space"):
            partial.finish(fails)
    assert out.read_text() == "old"
    with Partial(out) as partial:
        assert partial.finished() is None
        assert partial.begin(ASKED) == 1
        partial.finish(write)
    assert out.read_text() == '{"picture":"0.png"}\n'
