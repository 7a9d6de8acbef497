"""Pictures as people send them, made for training: scenes of every kind, prepared by the intake, reproducible."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from models import datasets
from models.intake import picture
from models.training.scenes import lettering, scenes, sent, strokes
from tests.idx import write_dataset
from tests.models.intake.test_picture import draw_shirt

pytest.importorskip("torchvision", reason="belongs to the extra `train`")


@pytest.fixture
def data_dir(tmp_path):
    """Both datasets, and photographs of two kinds and of none."""
    for name in datasets.DATASETS:
        write_dataset(tmp_path, name, train=200, test=20)
    for folder in ("3-dress", "7or9-shoe", "none"):
        place = tmp_path / "photos" / "clothing" / "train" / folder
        place.mkdir(parents=True)
        for number in range(11):
            draw_shirt(colour=(10 * number, 90, 60)).resize((400, 300)).save(place / f"{number:02}.png")
    return tmp_path


@pytest.mark.parametrize("dataset", list(datasets.DATASETS))
def test_a_set_is_pictures_and_the_classes_that_are_right(dataset, data_dir, tmp_path):
    made = sent.make(sent.find_sources(dataset, data_dir, tmp_path, held=False), seed=1, count=60)
    assert made.pictures.dtype == torch.uint8
    assert made.pictures.shape[1:] == (28, 28)
    assert len(made.pictures) == len(made.allowed) > 40
    assert made.allowed.any(1).all()
    assert (made.pictures.flatten(1).amax(1) > 100).all(), "each shows something"
    again = sent.make(sent.find_sources(dataset, data_dir, tmp_path, held=False), seed=1, count=60)
    assert torch.equal(made.pictures, again.pictures)
    assert torch.equal(made.allowed, again.allowed)


def test_held_out_sources_are_others(data_dir, tmp_path):
    for name in ("a.ttf", "b.ttf", "c.woff", "d.txt"):
        (tmp_path / name).touch()
    learn, held = (sent.find_sources("mnist", data_dir, tmp_path, held=held) for held in (False, True))
    assert {path.name for path in held.fonts} == {"a.ttf"}
    assert {path.name for path in learn.fonts} == {"b.ttf", "c.woff"}
    assert sum(map(len, learn.by_class)) == 160
    assert sum(map(len, held.by_class)) == 40
    learn, held = (sent.find_sources("fashion-mnist", data_dir, tmp_path, held=held) for held in (False, True))
    assert (len(learn.photographs), len(held.photographs)) == (29, 4)
    assert {classes for _, classes in learn.photographs} == {(3,), (7, 9), ()}
    assert max(max(photograph.shape[:2]) for photograph, _ in learn.photographs) == sent.LONGEST


def test_a_photograph_of_none_of_the_classes_is_never_learned_as_one(data_dir, tmp_path):
    sources = sent.find_sources("fashion-mnist", data_dir, tmp_path, held=False)
    rng = np.random.default_rng(0)
    seen = {sent._balanced(rng, sources.photographs)[1] for _ in range(50)}
    assert seen == {(3,), (7, 9)}


@pytest.mark.parametrize(
    ("folder", "classes"),
    [("3-dress", (3,)), ("7or9-shoe", (7, 9)), ("none", ()), ("7", (7,)), ("0-t-shirt-top", (0,))],
)
def test_a_folder_names_the_classes(folder, classes):
    assert sent.classes_of(folder) == classes


def test_the_command_makes_files_that_load_whatever_the_number_of_processes(data_dir, tmp_path):
    for processes in ("1", "2"):
        out = ["--out", str(tmp_path / processes), "--fonts", str(tmp_path), "--processes", processes]
        sent.main(["--data-dir", str(data_dir), "--dataset", "mnist", "--scenes", "900", *out])
    one, two = (sent.load(tmp_path / processes, "mnist", "learn") for processes in ("1", "2"))
    assert torch.equal(one.pictures, two.pictures)
    assert len(sent.load(tmp_path / "1", "mnist", "held").pictures) < len(one.pictures)


def test_a_missing_set_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(
        datasets.DataError,
        match=r"mnist\.safetensors; make it: python -m models\.training\.scenes\.sent --dataset mnist",
    ):
        sent.load(tmp_path, "mnist", "learn")


@pytest.mark.parametrize("digit", range(10))
def test_each_digit_is_drawn_in_each_way_at_any_size(digit):
    rng = np.random.default_rng(digit)
    for longest in (10, 24, 60, 300):
        for _ in range(8):
            ink = strokes.drawn(rng, digit, longest)
            assert ink.dtype == np.uint8
            assert ink.max() > 200
            assert 0.6 * longest < max(ink.shape) < 2 * longest + 4
            assert ink.any(1).all() or ink.any(0).all(), "cropped to the ink"


def test_drawn_digits_are_what_a_network_reads():
    """The shipped LeNet, which has seen such, reads nearly all of them."""
    from models import checkpoints

    rng = np.random.default_rng(0)
    drawn = [(k % 10, np.pad(strokes.drawn(rng, k % 10, 120), 40)) for k in range(200)]
    pictures = [picture.prepare(Image.fromarray(255 - ink), "mnist").picture for _, ink in drawn]
    answers = checkpoints.load(checkpoints.path_for("mnist", "lenet"))(torch.from_numpy(np.stack(pictures))).argmax(1)
    assert (answers == torch.tensor([digit for digit, _ in drawn])).double().mean() > 0.85


def test_text_is_written_at_the_size_asked_for_without_any_font():
    rng = np.random.default_rng(0)
    for text in ("7", "Ab3", " "):
        for longest in (12, 100):
            ink = lettering.written(rng, text, longest, [])
            assert ink.dtype == np.uint8
            assert abs(max(ink.shape) - longest) <= 1


def test_fonts_are_found_by_their_ending_and_used(tmp_path):
    from PIL import ImageFont

    own = ImageFont.load_default(20)
    (tmp_path / "own.ttf").write_bytes(own.font_bytes if hasattr(own, "font_bytes") else own.path.getvalue())
    (tmp_path / "notes.txt").touch()
    fonts = lettering.find(tmp_path)
    assert [path.name for path in fonts] == ["own.ttf"]
    rng = np.random.default_rng(1)
    assert max(lettering.written(rng, "5", 50, fonts).shape) == 50


def test_scanned_digits_fill_their_frame():
    rng = np.random.default_rng(0)
    small = np.pad(cv2.resize(strokes.drawn(rng, 7, 200), (16, 20), interpolation=cv2.INTER_AREA), ((4, 4), (6, 6)))
    small = np.asarray(np.minimum(small.astype(int) * 3, 255), np.uint8)
    for _ in range(30):
        scan = scenes.scanned(rng, small)
        assert 3 <= min(scan.shape) <= max(scan.shape) <= 44
        bright = scan if scan[0, 0] < 128 else 255 - scan
        rows = np.flatnonzero((bright > 40).any(1))
        assert rows[0] <= 4
        assert len(scan) - rows[-1] <= 5


@pytest.mark.parametrize("index", range(10))
def test_garments_of_each_class_are_put_on_somebody(index):
    rng = np.random.default_rng(index)
    garment = np.zeros((28, 28), np.uint8)
    garment[6:22, 8:20] = 200
    others = [np.stack([garment])] * 10
    for _ in range(10):
        scene = scenes.worn(rng, garment, index, others)
        assert scene.dtype == np.uint8
        assert min(scene.shape) > 20
        assert (scene < 120).mean() > 0.02, "the garment is there"
        assert np.percentile(scene, 98) > 200, "on a bright ground"


def test_views_of_a_photograph_differ_but_show_the_same():
    rng = np.random.default_rng(0)
    photograph = np.asarray(draw_shirt(colour=(200, 30, 30)))
    views = [scenes.view(rng, photograph) for _ in range(6)]
    assert len({view.tobytes() for view in views}) == 6
    for view in views:
        assert view.ndim == 3
        red = view.astype(int)[..., 0] - view.astype(int)[..., 1]
        assert (red > 60).mean() > 0.1


def test_a_family_of_fonts_is_held_out_whole(tmp_path):
    weights = [
        f"{name}-latin-{weight}-normal.woff" for name in ("caveat", "work-sans", "lato") for weight in (400, 700)
    ]
    segments = ["DSEG7Classic-Bold.woff", "DSEG7Classic-Light.woff"]
    fonts = sorted(tmp_path / name for name in weights + segments)
    held, learn = (lettering.of_families(fonts, 3, held) for held in (True, False))
    assert sorted(held + learn) == fonts
    assert {path.name for path in held} == {*weights[2:4], *segments}, "the first and the fourth of four"


def test_a_set_made_by_other_code_is_told(data_dir, tmp_path, monkeypatch, capsys):
    options = ["--data-dir", str(data_dir), "--dataset", "mnist", "--scenes", "500", "--fonts", str(tmp_path)]
    sent.main([*options, "--out", str(tmp_path / "sets")])
    capsys.readouterr()
    sent.load(tmp_path / "sets", "mnist", "learn")
    assert not capsys.readouterr().out
    monkeypatch.setattr(sent, "made_by", lambda: "0" * 8)
    sent.load(tmp_path / "sets", "mnist", "learn")
    assert (
        "was made by other code than this; python -m models.training.scenes.sent --dataset mnist makes it anew"
        in capsys.readouterr().out
    )


def test_catalogues_and_icons_show_the_garment():
    """Whatever its colours are, the intake finds about as large and the same shape."""
    rng = np.random.default_rng(0)
    garment = np.zeros((28, 28), np.uint8)
    garment[3:25, 8:20] = np.linspace(120, 220, 12).astype(np.uint8)
    scenes_made = [scenes.garment(rng, garment) for _ in range(80)]
    assert {scene.shape for scene in scenes_made} > {(28, 28)}
    tall = 0
    for scene in scenes_made:
        assert scene.dtype == np.uint8
        found = picture.prepare(Image.fromarray(scene), "fashion-mnist").picture > 25
        rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        tall += 1.2 < len(rows) / len(columns) < 2.8
    assert tall > 55, "22 to 12, stretched by a fifth at most"
