"""Maps, clusters, search and sets from the command line, beyond what the contract asks."""

import pandas as pd
import pytest

from tests.synthetic import talk, write
from tests.test_contract_schemas import valid


@pytest.fixture
def corpus(run, tmp_path):
    """Three recordings of five segments each, under the fake engine; what every command needs."""
    store = ["--store", tmp_path / "s"]
    for number in range(3):
        parts = [(0.5, 0.0)]
        for k in range(5):
            parts += [(1.0 + 0.2 * k, 0.05 + 0.1 * k + 0.04 * number), (0.6, 0.0)]
        path = write(tmp_path / f"{number}.wav", talk(parts, hz=180 + 20 * number))
        said = ["--speaker", f"P{number % 2}", "--session", f"=s{number}"]
        assert run("analyze", path, "--engine", "fake", *said, *store).status == 0
    return [*store, "--engine", "fake"]


def test_map_takes_its_parameters_and_later_recordings_join_it(run, corpus, tmp_path):
    made = run("project", "--method", "tsne", "--perplexity", "3", *corpus)
    assert made.status == 0, made.stderr
    first = made.lines[0]
    assert run("project", "--method", "pca", *corpus).lines[0]["projection"] != first["projection"]
    wrong = run("project", "--neighbors", "1", *corpus)
    assert (wrong.status, "choose 2 to 200 neighbours" in wrong.stderr) == (1, True)
    new = write(tmp_path / "new.wav", talk([(0.5, 0.0), (1.7, 0.2), (0.5, 0.0)]))
    assert run("analyze", new, *corpus).status == 0
    joined = run("project", "--join", *corpus).lines[0]
    valid("project", joined)
    assert (joined["joined"], joined["points"]) == (1, 16)
    again = run("project", "--join", joined["projection"][:10], *corpus).lines[0]
    assert (again["joined"], again["points"]) == (0, 16)
    lines = run("confounds", "--map", joined["projection"], *corpus).lines
    assert all(line["ami"] is None for line in lines)
    valid("confounds", lines[0])
    assert run("confounds", "--map", *corpus).lines == lines
    assert "no map 'zz'" in run("confounds", "--map", "zz", *corpus).stderr


def test_space_takes_its_parameters(run, corpus):
    of = ["cluster", "--k", "2", "--space", "speaker"]
    made = run(*of, "--shrinkage", "2", "--min-segments", "3", *corpus)
    assert "(shrinkage 2, at least 3 segments)" in made.lines[0]["space"]
    assert "choose 0 or more" in run(*of, "--shrinkage", "-1", *corpus).stderr
    neutral = run(*of, "--neutral", *corpus).lines[0]
    assert "by neutral speech" in neutral["space"]


def test_clustering_is_looked_into_named_merged_and_exported(run, corpus, tmp_path):
    made = run("cluster", "--k", "3", *corpus).lines[0]
    key, store = made["clustering"], corpus[:2]
    lines = run("clusters", "profile", key[:8], *store).lines
    assert [line["cluster"] for line in lines] == [1, 2, 3]
    assert [line["size"] for line in lines] == made["sizes"]
    assert lines[0]["effects"][0]["cohens_d"] is not None
    saved = run(
        "clusters", "save", key, "--title", "Tones", "--name", "1==calm", "--merge", "2,3", *store
    ).lines[0]
    assert sorted(saved["sizes"]) == sorted([made["sizes"][0], sum(made["sizes"][1:])])
    out = tmp_path / "clusters.csv"
    assert run("clusters", "export", saved["clustering"], "--out", out, *store).lines == [
        {"file": str(out), "rows": 15}
    ]
    rows = pd.read_csv(out)
    assert (rows["cluster_name"] == "'=calm").sum() == made["sizes"][0]
    assert set(rows["session"]) == {"'=s0", "'=s1", "'=s2"}
    wrong = run("clusters", "save", key, "--title", "x", "--name", "9=y", *store)
    assert "there is no cluster 9" in wrong.stderr
    gone = run("clusters", "export", key, "--out", tmp_path / "no" / "x.csv", *store)
    assert "cannot be written" in gone.stderr
    for bad in (["--name", "calm"], ["--merge", "2"]):
        assert run("clusters", "save", key, "--title", "x", *bad, *store).status == 2
    of_sessions = run("cluster", "--k", "2", "--unit", "session", *corpus).lines[0]["clustering"]
    lines = run("clusters", "profile", of_sessions, *store).lines
    assert sum(line["size"] for line in lines) == 3
    assert {name for line in lines for name in line["typical"]} <= {"=s0", "=s1", "=s2"}


def test_dense_groups_need_a_least_size(run, corpus):
    said = run("cluster", "--method", "hdbscan", "--least", "4", *corpus)
    assert said.status == 0 or "dens" in said.stderr
    assert run("cluster", "--method", "hdbscan", "--least", "0", *corpus).status == 2


def test_a_clip_and_a_segment_are_looked_for_and_the_hits_kept(run, corpus, tmp_path):
    clip = write(tmp_path / "clip.wav", talk([(0.3, 0.0), (1.2, 0.25), (0.3, 0.0)]))
    by_clip = run("similar", "--clip", clip, "-k", "3", *corpus)
    assert by_clip.status == 0, by_clip.stderr
    assert [line["rank"] for line in by_clip.lines] == [1, 2, 3]
    valid("similar", by_clip.lines[0])
    name = f"{by_clip.lines[0]['recording'][:12]}:{by_clip.lines[0]['segment']}"
    other = f"{by_clip.lines[1]['recording'][:12]}:{by_clip.lines[1]['segment']}"
    hits = run("similar", "--segment", name, "-k", "4", "--save", "Alike", *corpus).lines
    assert name not in [f"{h['recording'][:12]}:{h['segment']}" for h in hits]
    (kept,) = run("sets", "list", *corpus[:2]).lines
    assert (kept["title"], kept["n"]) == ("Alike", 4)
    rows = run("sets", "show", kept["set"][:8], *corpus[:2]).lines
    assert [(r["rank"], r["segment"]) for r in rows] == [(h["rank"], h["segment"]) for h in hits]
    moved = run("similar", "--segment", name, "--unlike", other, "-k", "11", *corpus).lines
    assert other not in [f"{h['recording'][:12]}:{h['segment']}" for h in moved]
    liked = run("similar", "--like", name, "--like", other, "-k", "2", *corpus)
    assert len(liked.lines) == 2
    assert run("sets", "remove", kept["set"], *corpus[:2]).lines == [kept]
    assert run("sets", "list", *corpus[:2]).lines == []
    assert "no set" in run("sets", "show", kept["set"], *corpus[:2]).stderr


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "needs one thing to look for"),
        (["--clip", "a.wav", "--segment", "aa:1"], "needs one thing to look for"),
        (["--recording", "aa"], "give all three"),
        (["--start-s", "1", "--end-s", "2"], "give all three"),
        (["--segment", "ff:99"], "There are 0 segments ff:99"),
    ],
)
def test_search_says_what_it_lacks(run, corpus, asked, said):
    found = run("similar", *asked, *corpus)
    assert found.status == (2 if "all three" in said else 1)
    assert said in found.stderr
    assert run("similar", "--segment", "nothing", *corpus).status == 2
