"""The benchmark of the intake runs and says what it measured; how long things take is for it, not for tests."""

import json

from bench import intake


def test_every_step_and_format_is_timed_and_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(intake, "MEGAPIXELS", (400, 300))
    monkeypatch.setattr(intake, "RUNS", 1)
    monkeypatch.setattr(intake, "RECORD", tmp_path / "intake.json")
    monkeypatch.setattr(intake.machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(intake.machine, "busy_cores", lambda: 0.5)
    intake.main()
    found = json.loads((tmp_path / "intake.json").read_text())
    assert set(found["ms"]["decode, 12 megapixels"]) == set(intake.FORMATS)
    assert {"versions", "date", "runs", "busy_cores_before"} <= set(found)
    assert found["hardware"] == intake.machine.hardware()
    told = capsys.readouterr().out
    for figures in found["ms"].values():
        for name, ms in figures.items():
            assert 0 <= ms["median"] <= ms["most"]
            assert name in told


def test_the_formats_are_those_that_uploads_may_have():
    assert {name for name, _ in intake.FORMATS.values()} == set(intake.decode.FORMATS)


def test_the_recorded_figures_name_what_they_are_of():
    found = json.loads((intake.RECORD).read_text())
    assert set(found["ms"]) == {"decode, 12 megapixels", "prepare", "judge"}
    assert set(found["ms"]["decode, 12 megapixels"]) == set(intake.FORMATS)
