"""Files that are made of records are there whole: where the disk is full, the ones before stay."""

from pathlib import Path

import pytest

from models.report import __main__ as report
from models.report import index
from tools import deployments, tables


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing more; what is written shows it as late as a disk may."""

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)


@pytest.mark.usefixtures("full")
def test_a_document_whose_tables_cannot_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "README.md"
    place.write_text("<!-- table: settings -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(tables, "FILES", (place,))
    with pytest.raises(OSError, match="No space left"):
        tables.main()
    assert place.read_text() == "<!-- table: settings -->\n<!-- end -->\n"
    assert [*tmp_path.iterdir()] == [place]


@pytest.mark.usefixtures("full")
def test_files_that_deploy_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "serve.yaml"
    place.write_text("before")
    monkeypatch.setattr(deployments, "FOLDER", tmp_path)
    with pytest.raises(OSError, match="No space left"):
        deployments.main()
    assert place.read_text() == "before"
    assert [*tmp_path.iterdir()] == [place]


@pytest.mark.usefixtures("full")
def test_the_index_of_a_report_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / index.NAME
    place.write_text("before")
    monkeypatch.setattr(report, "DATASETS", {})  # the index alone, without drawings
    with pytest.raises(OSError, match="No space left"):
        report.draw([], None, tmp_path)
    assert place.read_text() == "before"
    assert [*tmp_path.iterdir()] == [place]


def test_files_that_deploy_are_those_that_are_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments, "FOLDER", tmp_path / "deploy")
    committed = Path(deployments.__file__).resolve().parents[1] / "deploy"
    deployments.main()
    for name in deployments.KINDS:
        assert (tmp_path / "deploy" / name).read_text() == (committed / name).read_text()
