"""Augmentation moves pictures a little, each by its own draw, and never turns one digit into another."""

from dataclasses import asdict, replace

import pytest
import torch

from models.datasets import DATASETS
from models.training.augment import AUGMENTATIONS, Augmentation, augment
from models.training.recipes import Recipe

STILL = Augmentation(degrees=0, scale=0, shift=0, brightness=0, contrast=0, mirror=False)


@pytest.fixture
def pictures():
    torch.manual_seed(0)
    pictures = torch.zeros(64, 28, 28, dtype=torch.uint8)
    pictures[:, 8:20, 8:14] = 180  # a bar left of the middle
    return pictures


def test_every_dataset_has_its_augmentation():
    assert AUGMENTATIONS.keys() == DATASETS.keys()


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_shape_and_dtype_stay_and_each_picture_gets_its_own_draw(pictures, name):
    moved = augment(pictures, AUGMENTATIONS[name])
    assert (moved.dtype, moved.shape) == (torch.uint8, pictures.shape)
    assert len({bytes(picture.flatten().tolist()) for picture in moved}) > 60
    moved = augment(pictures, replace(AUGMENTATIONS[name], erase=0))  # noise adds ink of its own
    ink = moved.float().mean((1, 2)) / pictures.float().mean((1, 2))
    assert 0.5 < ink.min() < ink.max() < 1.8


def test_nothing_asked_nothing_done(pictures):
    assert torch.equal(augment(pictures, STILL), pictures)


def test_same_seed_same_pictures(pictures):
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(augment(pictures, AUGMENTATIONS["mnist"]))
    assert torch.equal(*results)


def centre_of_ink(pictures):
    """(row, column) [N, 2] of the centre of mass in pixels."""
    ink = pictures.float()
    axis = torch.arange(28.0)
    mass = ink.sum((1, 2))
    return torch.stack([(ink.sum(2) @ axis) / mass, (ink.sum(1) @ axis) / mass], dim=1)


def test_a_mirror_swaps_left_and_right_for_half_of_them(pictures):
    moved = augment(pictures, replace(STILL, mirror=True))
    swapped = (moved == pictures.flip(2)).all(dim=(1, 2))
    same = (moved == pictures).all(dim=(1, 2))
    assert (swapped | same).all()
    assert 15 < swapped.sum() < 49


def test_a_shift_stays_within_its_bound(pictures):
    moved = centre_of_ink(augment(pictures, replace(STILL, shift=3))) - centre_of_ink(pictures)
    assert moved.abs().max() < 3.1
    assert (moved.abs().max(dim=0).values > 2).all()


def test_digits_are_never_mirrored_and_never_turned_far():
    how = AUGMENTATIONS["mnist"]
    assert not how.mirror
    assert how.degrees <= 15


def test_the_ground_stays_black(pictures):
    moved = augment(pictures, replace(STILL, brightness=0.4, contrast=0.4))
    assert (moved[pictures == 0] == 0).all()
    assert moved[pictures > 0].unique().numel() > 20


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_a_recipe_moves_pictures_less_far_and_erases_none(name):
    far = AUGMENTATIONS[name]
    assert Recipe((), "sgd").augmentation(name) == far
    assert Recipe((), "sgd", erased=False).augmentation(name) == replace(far, erase=0)
    near = Recipe((), "sgd", moved=0.5).augmentation(name)
    assert (near.erase, near.mirror) == (far.erase, far.mirror)
    assert all(2 * value == asdict(far)[key] for key, value in asdict(near).items() if key not in ("erase", "mirror"))


def test_random_erasing_puts_noise_into_one_rectangle_of_its_share(pictures):
    torch.manual_seed(1)
    many = pictures[:1].expand(400, -1, -1)
    changed = augment(many, replace(STILL, erase=0.5)) != many
    erased = changed.flatten(1).any(1)
    assert 150 < erased.sum() < 250
    for one in changed[erased]:
        rows, columns = one.any(1).nonzero(), one.any(0).nonzero()
        box = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
        assert one.sum() > 0.8 * box, "a rectangle, and full of noise"
        assert 0.01 * 784 < box < 0.45 * 784
