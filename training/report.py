"""`python -m training.report`: `compact` beside what it must beat.

Everything is read from `training/results/`; what has not been run is shown as missing. "tiny.en" is
a linear head on the frozen first three layers of Whisper tiny.en, which `compact` was before: its
runs are kept as they were measured.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.figures import pooled
from training.nonspeech import CORPUS
from training.runs import RESULTS
from training.splits import N_FOLDS

EGEMAPS = RESULTS.parent / "egemaps_svm.json"
MISSING = "-"
COMMON = 20
ENCODERS = ("tiny.en", "compact")
FOLDS = [f"fold{k}" for k in range(N_FOLDS)]
WITHOUT = [f"without-{corpus}" for corpus in ("crema-d", "emodb", "nemo", "ravdess")]

Results = dict[str, dict[str, dict[str, Any]]]


def uar(confusion: Sequence[Sequence[int]], fewest: int = 1) -> float:
    """Returns the mean recall of the classes with at least `fewest` clips, NaN without any."""
    table = np.asarray(confusion)
    sizes = table.sum(axis=1)
    present = sizes >= fewest
    if not present.any():
        return float("nan")
    return float((table.diagonal()[present] / sizes[present]).mean())


def read_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Returns the runs' figures by name."""
    tables = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json"))
    return {table["name"]: table for table in tables}


def report(folder: Path = RESULTS, egemaps: Path = EGEMAPS) -> str:
    """Returns the tables as Markdown."""
    svm = json.loads(egemaps.read_text(encoding="utf-8")) if egemaps.exists() else {}
    results = {
        "eGeMAPS + SVM": {name: {"alone": row} for name, row in svm.items()},
        "tiny.en": read_runs(folder / "tiny.en"),
        "compact": read_runs(folder),
    }
    parts = (
        _folds(results),
        _left_out(results),
        _seeds(results["compact"]),
        _sentences(results),
        _search(results),
    )
    return "\n".join(parts)


def _folds(results: Results) -> str:
    columns = [(kind, "alone") for kind in results] + [(kind, "in_windows") for kind in ENCODERS]
    tables = []
    for kind, how in columns:
        runs = results[kind]
        # Over fewer folds than the others, it would not be the same clips.
        whole = all(name in runs for name in FOLDS)
        tables.append(pooled([runs[name][how] for name in FOLDS]) if whole else {})
    lines = [
        f"## Held-out speakers: UAR pooled over {N_FOLDS} folds",
        "",
        *_head(
            ["corpus", "classes", "clips", "chance", *results]
            + [f"{kind} in windows" for kind in ENCODERS]
        ),
    ]
    known = next((table for table in reversed(tables) if table), {})
    for corpus, row in known.items():
        cells = [1 / row["n_classes"], *(table.get(corpus, {}).get("uar") for table in tables)]
        lines.append(f"| {corpus} | {row['n_classes']} | {row['n_clips']} | {_row(cells)} |")
    return "\n".join([*lines, *_missing(FOLDS, results), ""])


def _left_out(results: Results) -> str:
    lines = [
        "## Corpora left out: UAR on a corpus that was never heard",
        "",
        f"Columns with {COMMON}+ count only classes of at least {COMMON} clips.",
        "",
        *_head(
            ["corpus", "classes", "clips", "chance", *results]
            + [f"{kind}, {COMMON}+" for kind in results]
        ),
    ]
    rows = []
    for name in WITHOUT:
        corpus = name.removeprefix("without-")
        found = [results[kind].get(name, {}).get("alone", {}).get(corpus) for kind in results]
        known = next((row for row in found if row), None)
        if known is None:
            continue
        rows.append(
            [
                uar(row["confusion"], fewest) if row else None
                for fewest in (1, COMMON)
                for row in found
            ]
        )
        cells = _row([1 / known["n_classes"], *rows[-1]])
        lines.append(f"| {corpus} | {known['n_classes']} | {known['n_clips']} | {cells} |")
    means = [
        None if None in column or len(column) < len(WITHOUT) else float(np.mean(column))
        for column in zip(*rows, strict=True)
    ]
    if rows:
        lines.append(f"| mean | | | {_row([None, *means])} |")
    return "\n".join([*lines, *_missing(WITHOUT, results), ""])


def _seeds(runs: dict[str, dict[str, Any]]) -> str:
    names = ["fold0", "fold0-seed1", "fold0-seed2"]
    done = [runs[name] for name in names if name in runs]
    lines = [
        "## Spread over seeds: UAR of fold 0",
        "",
        "A seed draws the generated sounds and the windows.",
        "",
        *_head(["corpus", "seeds", "mean", "least", "most"]),
    ]
    for corpus in sorted(done[0]["alone"]) if done else ():
        values = [uar(run["alone"][corpus]["confusion"]) for run in done]
        cells = _row([float(np.mean(values)), min(values), max(values)])
        lines.append(f"| {corpus} | {len(values)} | {cells} |")
    return "\n".join([*lines, *_missing(names, {"compact": runs}), ""])


def _sentences(results: Results) -> str:
    name = "fold0-sentences"
    columns = [(kind, how) for kind in ENCODERS for how in ("heard", "unheard")]
    lines = [
        "## Sentences never heard: UAR of fold 0, learnt from every second sentence",
        "",
        *_head(["corpus", *(f"{kind}, {how}" for kind, how in columns)]),
    ]
    tables = [results[kind].get(name, {}).get(f"{how}_sentences", {}) for kind, how in columns]
    for corpus in sorted(set().union(*tables) - {CORPUS}):
        found = [table.get(corpus) for table in tables]
        cells = _row([uar(row["confusion"], 5) if row else None for row in found])
        lines.append(f"| {corpus} | {cells} |")
    kinds = {kind: results[kind] for kind in ENCODERS}
    return "\n".join([*lines, *_missing([name], kinds), ""])


def _search(results: Results) -> str:
    lines = [
        "## Embeddings for search, on corpora left out",
        "",
        "Precision among the ten nearest clips of other speakers; how often a linear probe names "
        "the speaker (less is better for search).",
        "",
        *_head(["corpus", "P@10: chance", *ENCODERS, "speaker: chance", *ENCODERS]),
    ]
    kinds = {kind: results[kind] for kind in ENCODERS}
    for name in WITHOUT:
        found = [runs.get(name, {}).get("search") for runs in kinds.values()]
        known = next((row for row in found if row), None)
        if known is None:
            continue
        cells = []
        for measure in ("precision_at_10", "speaker_accuracy"):
            cells += [known[f"{measure}_chance"], *(row and row[measure] for row in found)]
        lines.append(f"| {name.removeprefix('without-')} | {_row(cells)} |")
    return "\n".join([*lines, *_missing(WITHOUT, kinds), ""])


def _head(columns: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]


def _row(values: Sequence[float | None]) -> str:
    return " | ".join(MISSING if value is None else f"{value:.3f}" for value in values)


def _missing(names: Sequence[str], results: Results) -> list[str]:
    absent = {kind: [n for n in names if n not in runs] for kind, runs in results.items()}
    lines = [f"Not run yet, {k}: {', '.join(missing)}." for k, missing in absent.items() if missing]
    return ["", *lines] if lines else []


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    print(report(parser.parse_args().results))


if __name__ == "__main__":
    main()
