"""From chunks to rows: what the service would say of each picture, and an error in its place where it has none."""

import asyncio
import io

import httpx
import numpy as np
import pytest
from PIL import Image

from app.batch import chunks as cutting
from app.batch.asked import Asked
from app.batch.chunks import Chunk, chunks
from app.batch.pictures import Picture, broken
from app.batch.rows import columns
from app.batch.work import Work
from app.errors import ApiError
from app.main import create_app
from app.serving.state import State
from app.settings import Settings
from models import catalog
from tests.fakes import BAD, BLANK, BOOM, FakeEngine, FakeIntake
from tests.models.intake.test_picture import draw_seven, draw_shirt

SEVEN, TINY = b"7.", b"3 tiny"


def work_of(model="lenet", dataset="mnist", engine=None, intake=None):
    return Work(Settings(), Asked(model, dataset), engine or FakeEngine(), intake or FakeIntake())


def rows_of(work, *contents):
    return work(Chunk(0, [f"{n}.png" for n in range(len(contents))], list(contents), 1.0))


class Pictures:
    """A source of pictures in memory."""

    def __init__(self, *contents):
        self.identity = {"pictures": "in memory"}
        self.all = [Picture(f"{n}.png", lambda data=data: data) for n, data in enumerate(contents)]

    def pictures(self, start=0):
        return iter(self.all[start:])

    def share(self):
        return 0.5


def test_chunks_hold_so_many_pictures_or_bytes_and_an_error_holds_a_place(monkeypatch):
    monkeypatch.setattr(cutting, "MOST", 3)
    source = Pictures(b"1", b"22", b"1", b"4444", b"1")
    source.all.insert(1, broken("gone.png", "not_found", "it is gone"))
    cut = list(chunks(source, 1, 4))
    assert [(chunk.start, chunk.names) for chunk in cut] == [
        (1, ["gone.png", "1.png", "2.png"]),
        (4, ["3.png"]),
        (5, ["4.png"]),
    ]
    assert cut[0].contents[0].code == "not_found"
    assert [chunk.share for chunk in cut] == [0.5, 0.5, 1.0]


def test_every_picture_has_a_row_in_its_place():
    intake = FakeIntake()
    intake.tiny = [TINY, BAD]
    missing = ApiError("not_found", "it is gone")
    rows = rows_of(work_of(intake=intake), SEVEN, BAD, TINY, missing, BLANK, BOOM, SEVEN)
    assert [row["picture"] for row in rows] == [f"{n}.png" for n in range(7)]
    told = [row.get("index", row.get("error_code")) for row in rows]
    assert told == [
        ord("7") % 10,
        "undecodable",
        ord("3") % 10,
        "not_found",
        "nothing_found",
        "internal",
        ord("7") % 10,
    ]
    assert "secret" not in str(rows)
    assert rows[0]["probabilities"][rows[0]["index"]] == rows[0]["confidence"] == 0.82


def test_networks_see_no_more_at_once_than_the_engine_says():
    engine = FakeEngine()
    rows_of(work_of("vgg11", engine=engine), *[SEVEN] * 3)
    rows_of(work_of("lenet", engine=engine), *[SEVEN] * 9)
    assert [size for _, _, size in engine.batches] == [1, 1, 1, 8, 1]


class FailsOnSevens(FakeEngine):
    """Raises on a batch with a 7 in it."""

    def predict(self, dataset, name, pictures, as_sent):
        if (pictures[:, 0, 0] == ord("7")).any():
            raise MemoryError("too much")
        return super().predict(dataset, name, pictures, as_sent)


def test_a_picture_on_which_a_network_fails_costs_its_own_row():
    rows = rows_of(work_of(engine=FailsOnSevens()), b"1", SEVEN, b"2")
    assert [row.get("error_code") for row in rows] == [None, "internal", None]


class Busy(FakeIntake):
    """Has no decoder at first."""

    def __init__(self, code, times):
        super().__init__()
        self.code, self.times = code, times

    def see(self, *asked):
        if self.times:
            self.times -= 1
            raise ApiError(self.code, "now", retry_after=1)
        return super().see(*asked)


@pytest.mark.parametrize(
    ("code", "times", "told"),
    [
        ("not_ready", 1, None),
        ("deadline_exceeded", 1, None),
        ("not_ready", 2, "not_ready"),
        ("too_large", 1, "too_large"),
    ],
)
def test_what_a_picture_suffers_for_the_others_sake_is_tried_again(code, times, told):
    (row,) = rows_of(work_of(intake=Busy(code, times)), SEVEN)
    assert row.get("error_code") == told


class Three(FakeEngine):
    names = tuple(catalog.ARCHITECTURES)


def share(*weights):
    """Of a class in the product of answers that give it .82, whose weights come first, and of those that give it .02
    and .82 to another; all other classes have .02.
    """
    for_it, for_another = (weight / sum(weights) for weight in weights)
    told = 0.82**for_it * 0.02**for_another, 0.02**for_it * 0.82**for_another, 8 * 0.02
    return round(told[0] / sum(told), 4)


def test_the_vote_is_that_of_compare_and_each_network_is_told_beside_it():
    engine = Three()
    engine.wrong = {"lenet": 1, "nin": 1}
    engine.failing = {"vgg11"}
    (row,) = rows_of(work_of("all", engine=engine), SEVEN)
    assert (row["index"], row["votes"], row["of"]) == (ord("7") % 10, 4, 6)
    assert row["confidence"] == share(4, 2)
    assert (row["lenet_index"], row["nin_label"], row["resnet18_confidence"]) == (1, "1", 0.82)
    assert "vgg11_index" not in row
    assert set(row) < set(columns(Asked("all", "mnist")))
    (row,) = rows_of(work_of("vote", engine=engine), SEVEN)
    assert (row["index"], row["votes"], row["of"]) == (ord("7") % 10, 4, 6)
    assert set(row) | {"error_code", "error_message"} == set(columns(Asked("vote", "mnist")))


def test_the_vote_is_by_the_weights_of_the_checkpoints():
    engine = Three()
    engine.wrong = {"lenet": 1, "nin": 1}
    engine.weights = {name: 9.0 if name in engine.wrong else 1.0 for name in engine.names}
    (row,) = rows_of(work_of("vote", engine=engine), SEVEN)
    assert (row["index"], row["votes"], row["of"]) == (1, 2, 7)
    assert row["confidence"] == row["probabilities"][1] == share(18, 5)


def test_where_all_networks_fail_the_picture_has_an_error():
    engine = Three()
    engine.failing = set(engine.names)
    (row,) = rows_of(work_of("all", engine=engine), SEVEN)
    assert row["error_code"] == "internal"


def test_a_network_that_is_missing_is_told_at_the_start_or_with_its_pictures():
    engine = FakeEngine()
    gone = State("missing", "there is no file")
    engine.then["mnist", "lenet"] = gone
    with pytest.raises(RuntimeError, match="lenet for mnist is missing: there is no file"):
        work_of("lenet", "mnist", engine)
    work = work_of("lenet", "auto", engine)
    assert [sentence for name, sentence in work.lacking.items() if name.endswith("lenet")] == [
        f"lenet for mnist is missing: {gone.reason}"
    ]
    (row,) = rows_of(work, SEVEN)
    assert row["error_code"] == "model_unavailable"


def test_without_auto_the_dataset_must_be_named():
    intake = FakeIntake()
    intake.states["auto"] = State("missing", "gone")
    with pytest.raises(RuntimeError, match="name the dataset"):
        work_of("lenet", "auto", intake=intake)
    assert rows_of(work_of("lenet", "mnist", intake=intake), SEVEN)[0]["dataset"] == "mnist"


@pytest.mark.parametrize(
    ("model", "dataset", "told"),
    [("lenet", "auto", None), ("vote", "mnist", None), ("lenet5", "auto", "no network 'lenet5'; there are: lenet,"),
     ("all", "cifar", "no dataset 'cifar'; there are: auto, mnist, fashion-mnist")],
)  # fmt: skip
def test_wrong_names_are_told_with_the_right_ones(model, dataset, told):
    wrong = Asked(model, dataset).wrong()
    assert wrong is None if told is None else wrong.startswith(told)


def bytes_of(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


async def answers(files):
    """What the real service says of each file with LeNet."""
    app = create_app(Settings(device="cpu", networks="lenet", threads=1))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60)
    async with app.router.lifespan_context(app), client:
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
        asked = [client.post("/predict?model=lenet", files={"file": ("x", data, "image/png")}) for data in files]
        return [(await one).json() for one in asked]


def test_rows_are_what_the_service_answers_to_the_digit():
    """Tiny pictures and photographs, in formats decoded here and elsewhere, and what cannot be read."""
    tiny = draw_seven().resize((28, 28))
    inverted = Image.fromarray(255 - np.asarray(tiny.convert("L")))
    files = [bytes_of(tiny), bytes_of(draw_seven(), "JPEG"), bytes_of(draw_shirt(), "WEBP"), bytes_of(draw_shirt())]
    files += [bytes_of(inverted), b"no picture", bytes_of(Image.new("L", (28, 28), 255)), bytes_of(tiny)[:90]]
    work = Work(Settings(device="cpu", threads=1), Asked("lenet", "auto"))
    try:
        rows = rows_of(work, *files)
    finally:
        work.close()
    for row, answer in zip(rows, asyncio.run(answers(files)), strict=True):
        if "error" in answer:
            assert {"code": row["error_code"], "message": row["error_message"]} == answer["error"]
        else:
            listed = sorted(answer["predictions"], key=lambda one: one["index"])
            assert row.pop("probabilities") == [one["probability"] for one in listed]
            assert row == {"picture": row["picture"]} | {name: answer[name] for name in row if name != "picture"}
    assert sum("error_code" in row for row in rows) == 3
