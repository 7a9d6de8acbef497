"""The whole way on real parts: a PNG over HTTP gets the answer that its checkpoint gives for the same pixels."""

import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from app.serving import local
from app.serving.engine import Engine
from app.settings import Settings
from models import checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import making, record
from models.data.splits import load_split
from models.datasets import DATASETS
from models.evaluation import evaluate_forms
from tests.app.conftest import serving
from tests.app.serving.test_engine import write
from tests.fakes import WEIGHTS

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for dataset in ("mnist", "fashion-mnist"):
        write(folder, dataset, "lenet")
    return folder


@pytest.fixture
async def real(root: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_construct(weights=root, device="cpu", networks="lenet")
    async with serving(local.service(settings, Engine(settings))) as client:
        yield client


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """Bright on black, as the datasets are: a ring with noise in it."""
    y, x = np.mgrid[:28, :28] - 13.5
    ring = (np.abs(np.hypot(x, y) - 7) < 2) * np.random.default_rng(0).integers(150, 256, (28, 28))
    return ring.astype(np.uint8)


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
async def test_where_no_folder_can_be_written_pictures_are_answered(
    root: Path, picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setenv("LINEUP_CACHE_DIR", "/dev/null/graphs")
    with pytest.raises(FileNotFoundError, match="No usable temporary directory"):
        tempfile.gettempdir()
    settings = Settings.model_construct(weights=root, device="cpu", networks="lenet")
    large = Image.fromarray(picture).resize((900, 900))
    async with serving(local.service(settings, Engine(settings))) as client:
        files = {"file": ("one", encode(large, kind), "image/png")}
        answer = await client.post("/predict?model=lenet&dataset=mnist", files=files)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
async def test_a_png_gets_the_answer_of_its_checkpoint(
    real: httpx.AsyncClient, root: Path, picture: NDArray[np.uint8], dataset: str
) -> None:
    sent = encode(Image.fromarray(picture))
    answer = (await real.post(f"/predict?model=lenet&dataset={dataset}", content=sent)).json()
    classifier = checkpoints.load(checkpoints.path_for(dataset, "lenet", root))
    expected = classifier.probabilities(torch.from_numpy(picture[None]))[0].tolist()
    found = {one["index"]: one["probability"] for one in answer["predictions"]}
    assert [found[index] for index in range(10)] == pytest.approx(expected, abs=1e-4)
    assert [one["label"] for one in answer["predictions"]] == [
        classifier.classes[i["index"]] for i in answer["predictions"]
    ]
    assert answer["label"] == classifier.classes[int(np.argmax(expected))]


async def test_the_same_answer_alone_and_in_a_batch(real: httpx.AsyncClient, picture: NDArray[np.uint8]) -> None:
    sent = encode(Image.fromarray(picture))
    alone = (await real.post("/predict?model=lenet&dataset=mnist", content=sent)).json()
    others = [encode(Image.fromarray(np.roll(picture, n, 1))) for n in range(1, 6)]
    files = [("files", ("a.png", content, "image/png")) for content in [*others[:3], sent, *others[3:]]]
    batch = (await real.post("/predict/batch?model=lenet&dataset=mnist", files=files)).json()
    assert batch["results"][3]["predictions"] == alone["predictions"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "image/png", 422, "invalid_parameter"),
        (b"no picture", "image/png", 422, "undecodable"),
        (b"%PDF-1.7 and so on", "image/png", 415, "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415, "unsupported_type"),
        (b"<!doctype html><html></html>", "application/octet-stream", 415, "unsupported_type"),
        (encode(Image.new("L", (300, 300), 255)), "image/png", 422, "nothing_found"),
    ],
)
async def test_what_cannot_be_read(real: httpx.AsyncClient, content: bytes, kind: str, status: int, code: str) -> None:
    response = await real.post("/predict?model=lenet&dataset=mnist", content=content, headers={"Content-Type": kind})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_too_many_pixels(root: Path, picture: NDArray[np.uint8]) -> None:
    settings = Settings.model_construct(weights=root, device="cpu", networks="lenet", max_pixels=1000)
    async with serving(local.service(settings, Engine(settings))) as client:
        small = await client.post("/predict?model=lenet&dataset=mnist", content=encode(Image.fromarray(picture)))
        large = await client.post("/predict?model=lenet&dataset=mnist", content=encode(Image.new("L", (40, 40))))
    assert small.status_code == 200
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_many_pixels")


DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SHIPPED = Path(checkpoints.__file__).resolve().parents[2] / "weights"


@pytest.mark.skipif(not DATA.is_dir(), reason="the datasets are not here")
@pytest.mark.parametrize("dataset", list(DATASETS))
async def test_test_pictures_keep_the_recorded_accuracy(dataset: str) -> None:
    path = checkpoints.path_for(dataset, "lenet", SHIPPED)
    if not path.exists():
        pytest.skip("no checkpoint is shipped yet")
    pictures, labels = load_split(dataset, "test", DATA)
    settings = Settings.model_construct(weights=SHIPPED, device="cpu", networks="lenet")
    url = f"/predict/batch?model=lenet&top_k=1&dataset={dataset}"
    said: list[int] = []
    async with serving(local.service(settings, Engine(settings))) as client:
        for start in range(0, 640, 64):
            images = [Image.fromarray(picture) for picture in pictures[start : start + 64].numpy()]
            files = [("files", ("a.png", encode(image), "image/png")) for image in images]
            said += [answer["index"] for answer in (await client.post(url, files=files)).json()["results"]]
    expected = checkpoints.load(path).probabilities(pictures[:640]).argmax(1)
    assert said == expected.tolist()
    recorded = checkpoints.read_header(path)["metrics"]["accuracy"]
    accuracy = np.mean(np.array(said) == labels[:640].numpy())
    assert accuracy == pytest.approx(recorded, abs=0.04)  # 640 of 10,000: within three standard errors


async def test_auto_that_cannot_decide_says_what_to_do(
    real: httpx.AsyncClient, root: Path, picture: NDArray[np.uint8]
) -> None:
    assert not (root / "auto.lineup").exists()
    response = await real.post("/predict?model=lenet", content=encode(Image.fromarray(picture)))
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_unavailable")
    assert "name the dataset: mnist or fashion-mnist" in response.text


async def test_compare_names_what_is_not_there(root: Path, picture: NDArray[np.uint8]) -> None:
    settings = Settings.model_construct(weights=root, device="cpu", networks="lenet,vgg11")
    async with serving(local.service(settings, Engine(settings))) as client:
        body = (await client.post("/compare?dataset=mnist", content=encode(Image.fromarray(picture)))).json()
    assert body["unavailable"] == ["vgg11"]
    assert body["agreement"]["of"] == 1


@pytest.mark.parametrize("name", ["densenet", "alexnet"])
async def test_the_answer_over_http_is_that_of_evaluate_on_the_same_back_end(
    picture: NDArray[np.uint8], name: str
) -> None:
    settings = Settings.model_construct(weights=WEIGHTS, device="cpu", networks=name)
    path = checkpoints.path_for("mnist", name, WEIGHTS)
    source = described(file_format.open_file(path))
    ranges = record.read(path, source.content.header["digest"]).ranges
    async with serving(local.service(settings, Engine(settings))) as client:
        told = (await client.get(f"/models/{name}")).json()["checkpoints"]["mnist"]
        sent = encode(Image.fromarray(picture))
        answer = (await client.post(f"/predict?model={name}&dataset=mnist&prepare=raw", content=sent)).json()
    backend, form = told["form"].split()
    runner = evaluate_forms.runner_of(source, making.classifier(source), form, ranges)
    expected = runner.probabilities(picture[None])[0].tolist()
    assert (backend, len(told["graph"])) == ("onnxruntime", 64)
    found = {one["index"]: one["probability"] for one in answer["predictions"]}
    assert [found[index] for index in range(10)] == pytest.approx(expected, abs=6e-5)
