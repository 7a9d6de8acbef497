"""What was measured of a network, and the pictures that it got wrong: of the checkpoint that answers, and no other."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.serving.engine import Engine
from app.settings import Settings
from models.checkpoints import file_format
from models.datasets import DATASETS
from tests.app.conftest import serving
from tests.fakes import DIGEST, WEIGHTS, FakeEngine, fake_service
from tests.idx import bars, write_dataset

pytestmark = pytest.mark.anyio

MISTAKES = [[3, 8], [5, 6], [13, 8], [23, 8], [33, 2], [43, 8]]  # the label of a picture is the last digit of its place
REPORT = {
    "accuracy": 0.94,
    "n": 100,
    "per_class": {str(digit): 0.9 for digit in range(10)},
    "confusion": [[10 * (true == said) for said in range(10)] for true in range(10)],
    "temperature": 0.8,
    "ece": 0.01,
    "ece_at_temperature_1": 0.02,
    "nll": 0.1,
    "held_out": {"n": 50, "accuracy": 0.95},
    "digest": DIGEST,
}
ASK = "/models/lenet/mistakes?dataset=mnist&is=3&said=8"


class Place:
    """A service with reports and data in folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.engine = FakeEngine()
        self.engine.folder = folder / "weights"
        self.data = folder / "data"
        for dataset in DATASETS:
            (self.engine.folder / dataset).mkdir(parents=True)

    def record(self, **more: Any) -> None:
        (self.engine.folder / "mnist" / "lenet.json").write_text(json.dumps(REPORT | more))

    async def get(self, path: str) -> httpx.Response:
        async with serving(fake_service(self.engine, data_dir=self.data)) as client:
            return await client.get(path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_report_is_told_with_the_commands_for_what_is_missing(place: Place) -> None:
    place.record()
    told = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert {key: told[key] for key in REPORT} == REPORT
    assert told["classes"] == list(DATASETS["mnist"].classes)
    assert (told["sent"], told["history"], told["mistakes"], told["pictures"]) == (None, None, None, False)
    assert (told["reliability"], told["robustness"]) == (None, None)
    assert told["missing"] == {
        "reliability": "lineup evaluate --mistakes --model lenet --dataset mnist",
        "robustness": "lineup evaluate --robustness --model lenet --dataset mnist",
        "sent": "python -m models.training.scenes.make --dataset mnist && "
        "lineup evaluate --model lenet --dataset mnist",
        "history": "lineup train --model lenet --dataset mnist",
        "mistakes": "lineup evaluate --mistakes --model lenet --dataset mnist",
        "pictures": "lineup evaluate --mistakes --model lenet --dataset mnist",
    }


async def test_a_report_of_another_checkpoint_is_not_told(place: Place) -> None:
    place.record(digest="1" * 64, mistakes=MISTAKES)
    told = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert told["digest"] == DIGEST
    assert {told[part] for part in ("accuracy", "mistakes", "nll", "held_out")} == {None}
    for part in ("confusion", "mistakes", "reliability"):
        assert told["missing"][part] == "lineup evaluate --model lenet --dataset mnist"
    assert (await place.get(ASK)).status_code == 501


async def test_what_ships_is_told_whole() -> None:
    engine = Engine(Settings.model_construct(device="cpu", networks="lenet", weights=WEIGHTS))
    engine.load(WEIGHTS)
    async with serving(fake_service(engine)) as client:  # type: ignore[arg-type]
        for dataset in DATASETS:
            told = (await client.get(f"/models/lenet/report?dataset={dataset}")).json()
            assert told["digest"] == file_format.read_header(WEIGHTS / dataset / "lenet.lineup")["digest"]
            wrong = told["n"] - sum(row[place] for place, row in enumerate(told["confusion"]))
            assert told["mistakes"] == wrong > 0
            assert set(told["missing"]) <= {"history", "pictures", "reliability", "robustness"}


async def test_a_learning_curve_is_told(place: Place) -> None:
    columns = {"run": [0], "phase": [0], "epoch": [1], "pictures": [500], "seconds": [6.0], "loss": [2.0]}
    watched = {"held_out_accuracy": [0.9], "held_out_n": [10]}
    history = {"from_scratch": True, **columns, "learning_rate": [None], **watched}
    place.record(history=history)
    told = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert told["history"] == history
    assert "history" not in told["missing"]


async def test_a_reliability_diagram_is_told(place: Place) -> None:
    reliability = {"n": [0, 40, 60], "confidence": [None, 0.5, 0.97], "accuracy": [None, 0.55, 0.98]}
    place.record(reliability=reliability)
    told = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert told["reliability"] == reliability
    assert "reliability" not in told["missing"]


@pytest.mark.parametrize("digest", [DIGEST, "1" * 64])
async def test_robustness_is_told_of_the_checkpoint_that_answers_and_no_other(place: Place, digest: str) -> None:
    turned = {"unit": "degrees", "strengths": [10.0, 20.0], "accuracy": [0.9, 0.5]}
    robustness = {"n": 50, "form": "int8", "clean": 0.95, "corruptions": {"rotated": turned}}
    place.record()
    kept = {**robustness, "instructions": "x86_64", "versions": {"numpy": "2"}, "digest": digest}
    (place.engine.folder / "mnist" / "lenet.robustness.json").write_text(json.dumps(kept))
    told = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert told["robustness"] == (robustness if digest == DIGEST else None)
    assert ("robustness" in told["missing"]) is (digest != DIGEST)


async def test_the_pictures_behind_a_field_are_those_of_the_test_set(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    write_dataset(place.data, "mnist", train=1, test=50)
    told = (await place.get(ASK)).json()
    assert (told["is"], told["said"], told["of"], told["offset"], told["digest"]) == (3, 8, 4, 0, DIGEST)
    assert [one["place"] for one in told["pictures"]] == [3, 13, 23, 43]
    for one in told["pictures"]:
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(one["png"]))))
        assert shown.tobytes() == bars(one["place"])
    report = (await place.get("/models/lenet/report?dataset=mnist")).json()
    assert (report["mistakes"], report["pictures"]) == (len(MISTAKES), True)


async def test_many_are_told_in_parts(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    write_dataset(place.data, "mnist", train=1, test=50)
    told = (await place.get(f"{ASK}&offset=1&limit=2")).json()
    assert ([one["place"] for one in told["pictures"]], told["of"], told["offset"]) == ([13, 23], 4, 1)
    assert (await place.get(f"{ASK}&offset=4")).json()["pictures"] == []


async def test_places_beyond_the_files_are_left_out(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    write_dataset(place.data, "mnist", train=1, test=20)
    assert [one["place"] for one in (await place.get(ASK)).json()["pictures"]] == [3, 13]


async def test_files_are_read_once(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    raw = write_dataset(place.data, "mnist", train=1, test=50)
    async with serving(fake_service(place.engine, data_dir=place.data)) as client:
        first = (await client.get(ASK)).json()
        for file in raw.iterdir():
            file.unlink()
        assert (await client.get(ASK)).json() == first


async def test_without_the_files_it_says_what_brings_them(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    answer = await place.get(ASK)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (501, "not_available")
    assert (
        "not in LINEUP_DATA_DIR; lineup evaluate --mistakes --model lenet --dataset mnist brings them there"
        in error["message"]
    )
    assert str(place.data) not in error["message"], "where this machine keeps its files is nobody's business"


async def test_damaged_files_are_told_as_such(place: Place) -> None:
    place.record(mistakes=MISTAKES)
    raw = write_dataset(place.data, "mnist", train=1, test=50)
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"\0" * 100)
    error = (await place.get(ASK)).json()["error"]
    assert (error["code"], "are damaged; delete them" in error["message"]) == ("not_available", True)


async def test_without_a_record_of_mistakes_it_says_what_records_them(place: Place) -> None:
    place.record()
    answer = await place.get(ASK)
    assert answer.status_code == 501
    told = "lineup evaluate --mistakes --model lenet --dataset mnist records it"
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status", "code", "told"),
    [
        ("/models/nope/report?dataset=mnist", 404, "unknown_model", "'nope'"),
        ("/models/lenet/report?dataset=auto", 404, "unknown_dataset", "there are: mnist, fashion-mnist"),
        ("/models/lenet/report", 422, "invalid_parameter", "'dataset' is missing"),
        ("/models/lenet/mistakes?dataset=mnist&is=3&said=3", 422, "invalid_parameter", "both '3'"),
        ("/models/lenet/mistakes?dataset=mnist&is=10&said=3", 422, "invalid_parameter", "'is' is '10'"),
        ("/models/lenet/mistakes?dataset=mnist&is=3&said=8&limit=101", 422, "invalid_parameter", "'limit' is '101'"),
    ],
)
async def test_wrong_questions_are_told(place: Place, path: str, status: int, code: str, told: str) -> None:
    answer = await place.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert told in answer.json()["error"]["message"]


async def test_a_network_that_is_not_loaded_has_no_report(tmp_path: Path) -> None:
    engine = Engine(Settings.model_construct(device="cpu", networks="lenet", weights=tmp_path))
    async with serving(fake_service(engine), until_ready=False) as client:  # type: ignore[arg-type]
        while (answer := await client.get("/models/lenet/report?dataset=mnist")).json()["error"]["code"] == "not_ready":
            pass
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert "there is no mnist/lenet.lineup" in answer.json()["error"]["message"]
