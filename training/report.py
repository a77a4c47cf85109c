"""`python -m training.report`: the fine-tuned encoder beside what it must beat.

Everything is read from `training/results/`; what has not been run is shown as missing.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.figures import pooled
from training.runs import N_FOLDS, RESULTS

EGEMAPS = RESULTS.parent / "egemaps_svm.json"
MISSING = "-"
COMMON = 20


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
    runs = read_runs(folder)
    svm = json.loads(egemaps.read_text(encoding="utf-8")) if egemaps.exists() else {}
    parts = (_folds(runs, svm), _left_out(runs, svm), _seeds(runs), _search(runs))
    return "\n".join(parts)


def _folds(runs: dict[str, dict[str, Any]], svm: dict[str, Any]) -> str:
    names = [f"fold{k}" for k in range(N_FOLDS)]
    done = [runs[name] for name in names if name in runs]
    lines = [
        f"## Held-out speakers: UAR pooled over {len(done)} of {N_FOLDS} folds",
        "",
        "| corpus | classes | clips | chance | eGeMAPS + SVM | frozen | fine-tuned "
        "| frozen in windows | fine-tuned in windows |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ways = [(which, how) for how in ("alone", "in_windows") for which in ("frozen", "tuned")]
    tables = [pooled([run[which][how] for run in done]) for which, how in ways]
    beside = pooled([svm[run["name"]] for run in done if run["name"] in svm])
    # Pooled over fewer folds than the others, it would not be the same clips.
    complete = bool(done) and all(run["name"] in svm for run in done)
    for corpus, row in tables[0].items():
        svm_uar = beside[corpus]["uar"] if complete and corpus in beside else None
        cells = [1 / row["n_classes"], svm_uar, *(table[corpus]["uar"] for table in tables)]
        lines.append(f"| {corpus} | {row['n_classes']} | {row['n_clips']} | {_row(cells)} |")
    return "\n".join([*lines, *_missing(names, runs), ""])


def _left_out(runs: dict[str, dict[str, Any]], svm: dict[str, Any]) -> str:
    names = sorted({name for name in runs if name.startswith("without-")} | _WITHOUT)
    lines = [
        "## Corpora left out: UAR on a corpus that was never heard",
        "",
        f"The last two columns count only classes of at least {COMMON} clips.",
        "",
        "| corpus | classes | clips | chance | eGeMAPS + SVM | frozen | fine-tuned "
        f"| frozen, {COMMON}+ | fine-tuned, {COMMON}+ |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows = []
    for name in names:
        if name not in runs:
            continue
        corpus = runs[name]["held_out"]["corpus"]
        frozen, tuned = (runs[name][w]["alone"][corpus]["confusion"] for w in ("frozen", "tuned"))
        n_classes = int((np.sum(tuned, axis=1) > 0).sum())
        other = svm.get(name, {}).get(corpus, {}).get("uar")
        row = [uar(frozen), uar(tuned), uar(frozen, COMMON), uar(tuned, COMMON)]
        rows.append(row)
        cells = [1 / n_classes, other, *row]
        lines.append(f"| {corpus} | {n_classes} | {np.sum(tuned)} | {_row(cells)} |")
    if rows:
        lines.append(f"| mean | | | {_row([None, None, *np.mean(rows, axis=0)])} |")
    return "\n".join([*lines, *_missing(names, runs), ""])


def _seeds(runs: dict[str, dict[str, Any]]) -> str:
    names = ["fold0", "fold0-seed1", "fold0-seed2"]
    done = [runs[name] for name in names if name in runs]
    lines = ["## Spread over seeds: UAR of fold 0", "", "| corpus | seeds | mean | least | most |"]
    lines.append("|---|---|---|---|---|")
    for corpus in sorted(done[0]["tuned"]["alone"]) if done else ():
        values = [uar(run["tuned"]["alone"][corpus]["confusion"]) for run in done]
        lines.append(
            f"| {corpus} | {len(values)} | {_row([np.mean(values), min(values), max(values)])} |"
        )
    return "\n".join([*lines, *_missing(names, runs), ""])


def _search(runs: dict[str, dict[str, Any]]) -> str:
    lines = [
        "## Embeddings for search, on corpora left out",
        "",
        "Precision among the ten nearest clips of other speakers; how often a linear probe names "
        "the speaker (less is better for search).",
        "",
        "| corpus | chance | P@10 frozen | P@10 fine-tuned | speaker: chance | frozen | fine-tuned |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(_WITHOUT & runs.keys()):
        frozen, tuned = (runs[name]["search"][which] for which in ("frozen", "tuned"))
        cells = [
            tuned["precision_at_10_chance"], frozen["precision_at_10"], tuned["precision_at_10"],
            tuned["speaker_accuracy_chance"], frozen["speaker_accuracy"], tuned["speaker_accuracy"],
        ]  # fmt: skip
        lines.append(f"| {runs[name]['held_out']['corpus']} | {_row(cells)} |")
    return "\n".join([*lines, *_missing(sorted(_WITHOUT), runs), ""])


_WITHOUT = {f"without-{corpus}" for corpus in ("crema-d", "emodb", "nemo", "ravdess")}


def _row(values: Sequence[float | None]) -> str:
    return " | ".join(MISSING if value is None else f"{value:.3f}" for value in values)


def _missing(names: Sequence[str], runs: dict[str, dict[str, Any]]) -> list[str]:
    absent = [name for name in names if name not in runs]
    return ["", f"Missing, not run yet: {', '.join(absent)}."] if absent else []


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    print(report(parser.parse_args().results))


if __name__ == "__main__":
    main()
