"""However often a checkpoint is refined, it can be written, and tells of each training."""

import json

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.training import lineage, metadata
from models.training.world import ALONE
from tools import tables

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")
together = pytest.importorskip("tests.together")


def link(number: int) -> dict:
    told = {"minutes": 1.5, "pictures": number, "device": "CPU"}
    return {"digest": f"{number:064}", "recipe": {"kind": "long", "phases": [{"lr": 0.1}]}, "training": told}


def nested(count: int) -> dict:
    """The header of a checkpoint as it was written before: each training holds the one that it refined."""
    header = link(1)
    for number in range(2, count + 1):
        after = link(number)
        header = after | {"training": after["training"] | {"refined_from": header}}
    return header


def test_a_chain_of_forty_refinements_is_written_and_tells_the_pictures_of_each(tmp_path):
    path, trainer = tmp_path / "lenet.lineup", together.trainer("lenet", tmp_path, ALONE)
    digests = []
    for number in range(1, 42):
        trainer.at.total_seen = 1000 * number
        digests.append(checkpoints.save(path, trainer.classifier, metadata.of_run(trainer, "long")))
        trainer.classifier.metadata = checkpoints.load(path).metadata
    header = checkpoints.read_header(path)
    assert [one["digest"] for one in header["training"]["refined_from"]] == digests[:-1]
    assert [one["recipe"]["kind"] for one in header["training"]["refined_from"]] == ["long"] * 40
    told = " + ".join(f"{1000 * number:,}" for number in range(1, 42))
    assert tables._chain(header["training"], "pictures") == told


def test_a_nested_one_is_flattened_when_it_is_refined(tmp_path):
    path, trainer = tmp_path / "lenet.lineup", together.trainer("lenet", tmp_path, ALONE)
    checkpoints.save(path, trainer.classifier, nested(12))
    trainer.classifier.metadata = checkpoints.load(path).metadata
    *older, last = metadata.of_run(trainer, "long")["training"]["refined_from"]
    assert older == [link(number) for number in range(1, 12)]
    assert last == link(12) | {"digest": checkpoints.read_header(path)["digest"]}


def test_both_forms_one_upon_the_other_are_read():
    flat = link(4) | {"training": link(4)["training"] | {"refined_from": lineage.refined_from(nested(3))}}
    upon = link(5) | {"training": link(5)["training"] | {"refined_from": flat}}
    assert lineage.trainings(upon) == [link(number) for number in range(1, 6)]
    told = [tables._chain(each["training"], "pictures") for each in (nested(5), upon)]
    assert told == ["1 + 2 + 3 + 4 + 5"] * 2


def deep(levels: int) -> list:
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, set()),
        ({"recipe": {"kind": "quick"}}, {"recipe"}),
        ({"recipe": None, "training": {"pictures": 5}}, {"training"}),
        ({"recipe": 7, "training": "long"}, set()),
        ({"recipe": {"kind": deep(26)}, "training": {"refined_from": [3, None]}}, {"training"}),
        ({"training": {"refined_from": "densenet"}}, {"training"}),
    ],
)
def test_what_the_refined_one_does_not_tell_is_left_out_and_fails_nobody(tmp_path, about, told):
    path, trainer = tmp_path / "lenet.lineup", together.trainer("lenet", tmp_path, ALONE)
    checkpoints.save(path, trainer.classifier, about)
    trainer.classifier.metadata = checkpoints.load(path).metadata
    checkpoints.save(path, trainer.classifier, metadata.of_run(trainer, "long"))
    (one,) = checkpoints.read_header(path)["training"]["refined_from"]
    assert one.keys() == {"digest", *told}


def test_of_a_chain_that_is_too_long_for_a_header_the_newest_are_told():
    long = [link(number) for number in range(10_000)]
    assert len(json.dumps(long)) < file_format.MAX_HEADER
    told = lineage.refined_from(link(10_000) | {"training": link(10_000)["training"] | {"refined_from": long}})
    assert told == [*long, link(10_000)][-len(told) :]
    assert lineage.MOST - 1000 < len(json.dumps(told)) < lineage.MOST + 2 * len(told)


def test_a_figure_that_one_of_a_chain_does_not_tell_is_told_as_unknown():
    training = {"pictures": 3, "refined_from": [{"digest": "0"}, {"training": {"pictures": 2000}}]}
    assert tables._chain(training, "pictures") == "? + 2,000 + 3"
