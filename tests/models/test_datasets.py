"""The names of the two datasets."""

import subprocess
import sys

import pytest

from models import datasets


def test_an_unknown_dataset_lists_the_known():
    with pytest.raises(datasets.UnknownName, match="no dataset 'cifar'; there are: mnist, fashion-mnist"):
        datasets.find("cifar")


def test_the_names_come_without_torch():
    code = "import sys, models.datasets; assert not {'torch', 'numpy', 'torchvision'} & {*sys.modules}, sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
