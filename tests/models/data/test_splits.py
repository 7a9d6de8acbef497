"""Loading the two datasets: right files, missing files, damaged files."""

import gzip
import struct
import subprocess
import sys

import pytest
import torch

from models.data import idx, splits
from models.data.splits import DataError
from models.datasets import DATASETS
from tests.idx import bars, write_dataset, write_idx

NAMES = list(DATASETS)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def raw(name, tmp_path):
    return write_dataset(tmp_path, name, train=30, test=20)


@pytest.fixture
def no_network(monkeypatch):
    """Any download fails at once, as on a machine without a network."""
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def test_files_that_are_there_are_read(name, raw, tmp_path):
    for split, count in (("train", 30), ("test", 20)):
        pictures, labels = splits.load_split(name, split, tmp_path)
        assert (pictures.dtype, pictures.shape, labels.dtype) == (torch.uint8, (count, 28, 28), torch.int64)
        assert bytes(pictures[7].flatten().tolist()) == bars(7)
        assert labels.tolist() == [k % 10 for k in range(count)]


def test_compressed_files_are_read_as_they_are(name, raw, tmp_path):
    wanted = splits.load_split(name, "test", tmp_path)
    for file in list(raw.iterdir()):
        (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert all(map(torch.equal, splits.load_split(name, "test", tmp_path), wanted))


def test_missing_files_say_what_to_do(name, tmp_path, no_network):
    pytest.importorskip("torchvision", reason="belongs to the extra `torch`")
    with pytest.raises(DataError, match=r"(?s)cannot load .*no train-images-idx3-ubyte and no .*--data-dir"):
        splits.load_split(name, "train", tmp_path)


@pytest.fixture
def no_extra(monkeypatch):
    """As where the extra `torch` is not installed."""
    for module in ("torchvision", "safetensors"):
        monkeypatch.setitem(sys.modules, module, None)


def test_reading_needs_no_torchvision(name, raw, tmp_path, no_extra):
    assert len(splits.load_split(name, "train", tmp_path)[1]) == 30


def test_without_torchvision_missing_files_say_what_to_install_and_where_to_put_them(name, raw, tmp_path, no_extra):
    (raw / "t10k-labels-idx1-ubyte").unlink()
    assert len(splits.load_split(name, "train", tmp_path)[1]) == 30, "the other split is whole"
    told = r"there is no t10k-labels-idx1-ubyte, and fetching needs torchvision: pip install -e '\.\[torch\]'.*"
    with pytest.raises(DataError, match=told + f"put the four IDX files there.*{DATASETS[name].folder}/raw"):
        splits.load_split(name, "test", tmp_path)


def test_a_fetch_that_brings_nothing_is_told(name, tmp_path, monkeypatch):
    torchvision = pytest.importorskip("torchvision", reason="belongs to the extra `torch`")
    monkeypatch.setattr(torchvision.datasets, DATASETS[name].folder, lambda *args, **kwargs: None)
    with pytest.raises(DataError, match="no train-images-idx3-ubyte after fetching"):
        splits.load_split(name, "train", tmp_path)


def test_evaluation_can_be_imported_without_the_extra():
    """In a process of its own: whatever else is imported, evaluation asks for neither package."""
    code = "import sys; sys.modules |= dict.fromkeys(['torchvision', 'safetensors'])\n"
    code += "from models.evaluation import evaluate; evaluate.main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--scenes" in done.stdout


def test_damaged_files_say_what_to_do(name, raw, tmp_path, no_network):
    file = raw / "train-images-idx3-ubyte"
    for content in (file.read_bytes()[:5000], b"", b"garbage" * 100):
        file.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            splits.load_split(name, "train", tmp_path)


IMAGES = struct.pack(">IIII", 0x803, 2, 28, 28)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "train-images-idx3-ubyte begins with nothing, wanted 00 00 08 03"),
        (IMAGES[:15], "train-images-idx3-ubyte begins with 00 00 08 03, wanted 00 00 08 03, then 3 sizes"),
        (struct.pack(">II", 0x801, 2) + b"ab", "begins with 00 00 08 01, wanted 00 00 08 03"),
        (struct.pack(">IIII", 0xD03, 2, 28, 28), "begins with 00 00 0d 03, wanted 00 00 08 03"),
        (IMAGES + bytes(2 * 784 - 1), "says that it has 2 x 28 x 28 bytes after its header and has 1567"),
        (IMAGES + bytes(2 * 784 + 1), "says that it has 2 x 28 x 28 bytes after its header and has 1569"),
        (struct.pack(">IIII", 0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), "has 4294967295 x 4294967295 x"),
        (struct.pack(">IIII", 0x803, 2, 14, 56) + bytes(2 * 784), r"pictures of uint8 \[2, 14, 56\], wanted uint8"),
        (IMAGES + bytes(2 * 784), "30 labels for 2 pictures"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(content, told, tmp_path):
    (write_dataset(tmp_path, "mnist", train=30, test=20) / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=told):
        splits.load_split("mnist", "train", tmp_path)


@pytest.mark.parametrize("cut", [slice(0, 40), slice(3, None), slice(0, 0)])
def test_a_damaged_compressed_file_is_told(cut, tmp_path):
    raw = write_dataset(tmp_path, "mnist", train=30, test=20)
    file = raw / "train-images-idx3-ubyte"
    (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes())[cut])
    file.unlink()
    with pytest.raises(DataError, match=r"cannot load MNIST handwritten digits .*damaged"):
        splits.load_split("mnist", "train", tmp_path)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", gzip.compress(bytes(100), mtime=0)[:-9], b"\x1f\x8b\x08" + bytes(40)],
    ids=["empty", "garbage", "cut off", "no deflate"],
)
def test_reading_alone_tells_a_damaged_file_in_the_same_way_and_a_missing_one_apart(content, end, tmp_path):
    raw = write_dataset(tmp_path, "mnist", train=30, test=20)
    (raw / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="there is no t10k-images-idx3-ubyte in"):
        idx.read_split(DATASETS["mnist"], "test", tmp_path)
    (raw / f"t10k-images-idx3-ubyte{end}").write_bytes(content)
    told = rf"cannot load MNIST .*\(test\) from {raw}: .*damaged or cannot be read: delete"
    with pytest.raises(DataError, match=told):
        idx.read_split(DATASETS["mnist"], "test", tmp_path)


def test_labels_beyond_the_classes_are_found(tmp_path):
    raw = write_dataset(tmp_path, "mnist", train=3, test=20)
    (raw / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 3) + bytes((1, 2, 10)))
    with pytest.raises(DataError, match=r"labels outside 0\.\.9"):
        splits.load_split("mnist", "train", tmp_path)


def test_labels_that_do_not_belong_to_the_pictures_are_found(name, raw, tmp_path):
    write_idx(raw, "train", 30, labels=29)
    with pytest.raises(DataError, match="29 labels for 30 pictures"):
        splits.load_split(name, "train", tmp_path)


def test_the_held_out_pictures_are_always_the_same_and_never_learned_from():
    learn, held = splits.held_out_split(60_000)
    assert len(held) == splits.HELD_OUT
    assert torch.equal(torch.cat([learn, held]).sort().values, torch.arange(60_000))
    assert torch.equal(splits.held_out_split(60_000)[1], held)


def test_real_data_has_the_mean_and_deviation_that_is_recorded(name, shared):
    pictures, labels = splits.load_split(name, "train", shared)
    assert labels.bincount().tolist()[0] in (5923, 6000)
    known = DATASETS[name]
    scaled = pictures.double() / 255
    assert scaled.mean().item() == pytest.approx(known.mean, abs=1e-4)
    assert scaled.std().item() == pytest.approx(known.std, abs=1e-4)
