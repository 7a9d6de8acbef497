"""The table of `lineup batch`, from figures made up here."""

import json

from tools import bulk, chinese, tables

RATE = {"pictures_s": 1162.9, "cpu_ms": 2.634}
RUN = {"rows": 100_000, "killed_after": [42_816], "seconds": 175, "peak_mb": 375}


def test_a_network_has_a_row_whatever_of_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "RECORD", tmp_path / "batch.json")
    record = {"beside": {"vgg11": {"bare loop": RATE, "lineup batch": RATE}}, "bulk": {"lenet": RUN}}
    bulk.RECORD.write_text(json.dumps(record))
    shown = tables.fill("<!-- table: batch -->\n<!-- end -->")
    assert "| `lenet` | - | - | 100,000 | 42,816 | 175 | 375 |" in shown
    assert "| `vgg11` | 1,162.9 (2.63) | 1,162.9 (2.63) | - | - | - | - |" in shown


def test_every_heading_is_known_in_chinese():
    head = tables.table(bulk.HEADINGS, [])
    shown = chinese.with_headings(head).splitlines()[0]
    same = {one for one in shown.split(" | ") if one in head.splitlines()[0].split(" | ")}
    assert same == {"`lineup batch`"}
