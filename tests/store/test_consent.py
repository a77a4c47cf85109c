"""Consent: what counts is the last step, and what is held back leaves by no way."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.api import Tonescope
from core.errors import ConsentError, StoreError
from core.export.tables import TableFormat, export_tables
from core.store import consent
from core.store.consent import Consent, Use
from core.store.corpus import corpus
from core.store.store import Store
from tests.store.test_forget import STAYS, written

OTHER = "ef" * 32
ALL = frozenset(Use)


@pytest.fixture
def two(store):
    written(store, STAYS, name="a.wav", speaker="Bo")
    written(store, OTHER, name="b.wav", speaker="Di")
    return store


def test_last_step_counts_and_nothing_recorded_holds_nothing_back(two):
    assert consent.every(two) == {}
    assert consent.withheld(two, Use.PUBLISH) == frozenset()
    first = Consent("form", frozenset({Use.ANALYSE}), date(2030, 1, 1), "P1")
    assert consent.put(two, [STAYS[:6], STAYS], first, "Cy") == 1
    assert consent.every(two) == {STAYS: first}
    assert consent.withheld(two, Use.PUBLISH) == {STAYS}
    assert consent.withheld(two, Use.ANALYSE) == frozenset()
    consent.put(two, [STAYS], Consent("form 2", ALL))
    assert consent.every(two) == {STAYS: Consent("form 2", ALL)}
    assert consent.pseudonyms(two) == {}
    with pytest.raises(StoreError, match="legal basis in words"):
        consent.put(two, [STAYS], Consent(" \n", ALL))


def test_last_day_is_still_allowed_and_the_next_is_not(two):
    consent.put(two, [STAYS], Consent("form", ALL, date(2026, 3, 1)))
    found = consent.every(two)[STAYS]
    assert consent.allowed(found, Use.LISTEN, date(2026, 3, 1))
    assert not consent.allowed(found, Use.LISTEN, date(2026, 3, 2))
    assert consent.expired(two, date(2026, 3, 1)) == []
    assert consent.expired(two, date(2026, 3, 2)) == [STAYS]


@pytest.mark.parametrize("kind", ["csv", "textgrid"])
def test_exports_leave_out_what_may_not_be_published(run, two, tmp_path, kind):
    place = ["--store", two.root]
    options = ["--speaker", "Bo", "--basis", "form", "--scope", "analyse,listen"]
    assert run("consent", "set", *options, *place).lines == [{"recordings": 1}]
    assert run("export", "--format", kind, "--out", tmp_path / "o", *place).status == 0
    told = "".join(p.read_text() + p.name for p in (tmp_path / "o").iterdir())
    assert "b.wav" in told
    assert "a.wav" not in told
    assert STAYS not in told
    one = ["--recording", STAYS[:8]]
    said = run("export", "--format", kind, "--out", tmp_path / "p", *one, *place)
    assert said.status == 1
    assert "does not allow to publish" in said.stderr
    assert not list(tmp_path.glob("p/*"))


def test_nothing_is_exported_where_all_is_held_back(two, tmp_path):
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    consent.put(two, [STAYS, OTHER], Consent("form", ALL, yesterday))
    with pytest.raises(StoreError, match="nothing to export"):
        list(export_tables(two, tmp_path / "o", TableFormat.CSV))
    with pytest.raises(StoreError, match="its time is over"):
        list(export_tables(two, tmp_path / "o", TableFormat.CSV, STAYS))


def test_listening_needs_its_own_consent(two):
    consent.put(two, [STAYS], Consent("form", frozenset({Use.ANALYSE, Use.PUBLISH})))
    with pytest.raises(StoreError, match="does not allow to listen"):
        Tonescope(two.root).playable(STAYS)


def test_commands_show_what_counts_and_forget_what_is_over(run, two):
    place = ["--store", two.root]
    given = ["--basis", "form", "--scope", "none", "--retain-until", "2020-02-29"]
    run("consent", "set", "--recording", STAYS[:9], *given, "--pseudonym", "P1", *place)
    run("consent", "set", "--recording", OTHER, "--basis", "law", "--scope", "publish", *place)
    first, second = run("consent", "show", *place).lines
    assert first == {
        "recording": STAYS,
        "basis": "form",
        "scope": [],
        "retain_until": "2020-02-29",
        "expired": True,
        "pseudonym": "P1",
    }
    assert (second["scope"], second["expired"]) == (["publish"], False)
    assert run("consent", "show", "--recording", OTHER, *place).lines == [second]
    assert run("consent", "set", "--recording", OTHER, "--basis", "x", "--scope", "all").status == 2
    assert run("forget", "--expired", *place).lines[0]["recordings"] == 1
    assert two.table("recordings")["recording"].to_pylist() == [OTHER]
    said = run("forget", "--expired", *place)
    assert (said.status, said.lines[0]["recordings"]) == (0, 0)
    assert "nothing was forgotten" in said.stderr


def withhold(store, recording, *uses, pseudonym=None):
    consent.put(store, [recording], Consent("form", ALL - set(uses), None, pseudonym))


def test_nothing_is_analysed_without_consent(run, talk_file, tmp_path):
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    (line,) = run("analyze", talk_file, *place).lines
    store = Store(tmp_path / "s")
    tracks = store.table("tracks").num_rows
    withhold(store, line["recording"], Use.ANALYSE)
    for options in ([], ["--channel", "0"]):  # a result that is there, and one that would be new
        said = run("analyze", talk_file, *options, *place)
        assert (said.status, said.lines[0]["status"]) == (1, "failed")
        assert "does not allow to analyse" in said.lines[0]["error"]
    assert store.table("tracks").num_rows == tracks
    scope = Tonescope(tmp_path / "s")
    with pytest.raises(ConsentError, match="does not allow to analyse"):
        scope.predict(talk_file, engine="fake")
    withhold(store, line["recording"])
    assert run("analyze", talk_file, *place).lines[0]["status"] == "skipped"


def test_what_may_not_be_analysed_counts_in_nothing_made_from_the_corpus(two):
    assert set(corpus(two, "fake").segments["recording"]) == {STAYS, OTHER}
    withhold(two, OTHER, Use.ANALYSE)
    assert set(corpus(two, "fake").segments["recording"]) == {STAYS}
    withhold(two, STAYS, Use.ANALYSE)
    with pytest.raises(ConsentError, match="All 2 recordings"):
        corpus(two, "fake")


def test_no_folder_of_results_without_consent_to_publish(run, talk_file, tmp_path):
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    (line,) = run("analyze", talk_file, *place).lines
    for use in (Use.PUBLISH, Use.LISTEN):
        withhold(Store(tmp_path / "s"), line["recording"], use)
        said = run("analyze", talk_file, "--outputs", tmp_path / "o", *place)
        assert said.status == 0
        assert f"does not allow to {use}" in said.stderr
        assert not (tmp_path / "o").exists()


def test_sound_is_read_by_way_of_consent_alone():
    """Only the store itself asks where the sound lies; everybody else says for what."""
    root = Path(__file__).resolve().parents[2]
    files = [p for name in ("core", "dashboard", "pages") for p in (root / name).rglob("*.py")]
    direct = [p.name for p in files if ".audio_path(" in p.read_text("utf-8")]
    assert direct == ["consent.py"]
