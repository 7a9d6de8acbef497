"""The benchmark of training runs and says what it measured; how fast that is is for it, not for tests."""

import json

import pytest

from tests.idx import write_dataset

train = pytest.importorskip("bench.train", reason="belongs to the extra `torch`")


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_both_loops_train_and_are_compared(dataset, tmp_path, monkeypatch, capsys):
    write_dataset(tmp_path / "data", dataset, train=120, test=20)
    monkeypatch.setattr(train.machine, "LOCK", tmp_path / "measure.lock")
    record = tmp_path / "train.json"
    options = ["--model", "lenet", "--dataset", dataset, "--device", "cpu", "--seconds", "0.2", "--workers", "0"]
    train.main([*options, "--data-dir", str(tmp_path / "data"), "--record", str(record)])
    found = json.loads(record.read_text())
    figures = found["pictures_per_second"]["lenet"]
    assert min(figures.values()) > 0
    assert figures["times"] == pytest.approx(figures["ours"] / figures["textbook"], abs=0.01)
    assert {"hardware", "versions", "date", "workers", "seconds"} <= set(found)
    told = capsys.readouterr().out
    assert "on a CPU, in batches of 8" in told
    assert f"{figures['ours']:,.1f} pictures/s" in told


def test_the_textbook_sees_the_input_of_the_network(tmp_path):
    write_dataset(tmp_path / "data", "mnist", train=20, test=20)
    learn = train.load_split("mnist", "train", tmp_path / "data")
    picture, label = train.Pictures(*learn, "mnist", 96)[3]
    assert (tuple(picture.shape), label) == ((1, 96, 96), 3)
    assert picture.min() < 0 < picture.max(), "normalised"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--device", "cuda:99"], "the device is 'cuda:99', but"),
        (["--seconds", "0"], "--seconds: it is '0'; wanted a number above 0"),
        (["--workers", "-1"], "--workers: it is '-1'; wanted a whole number from 0 up"),
    ],
)
def test_a_wrong_option_is_named(options, told, capsys):
    with pytest.raises(SystemExit):
        train.main(options)
    assert told in capsys.readouterr().err


def test_data_that_cannot_be_read_is_told(tmp_path, monkeypatch, capsys):
    write_dataset(tmp_path, "mnist", train=20, test=20)
    for path in (tmp_path / "MNIST" / "raw").glob("train-images*"):
        path.write_bytes(b"damaged")
    monkeypatch.setattr(train.machine, "LOCK", tmp_path / "measure.lock")
    with pytest.raises(SystemExit):
        train.main(["--model", "lenet", "--device", "cpu", "--data-dir", str(tmp_path)])
    told = capsys.readouterr().err
    assert f"from {tmp_path / 'MNIST' / 'raw'}: train-images" in told
    assert "begins with 64 61 6d 61" in told
