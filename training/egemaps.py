"""What a support vector machine makes of eGeMAPS on the same splits: for comparison only.

`python -m training.egemaps --data FOLDER`. Needs `opensmile` (see `requirements.txt` here), whose
licence allows research only: nothing else in the project uses it.

Source: Eyben et al., 2016, https://doi.org/10.1109/TAFFC.2015.2457417; the 88 functionals of
eGeMAPSv02.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from core.engines.base import SAMPLE_RATE, Floats
from training.data import Clip, balancing_weights, load_clips, speaker_folds
from training.figures import by_corpus
from training.nonspeech import N_NONSPEECH, nonspeech_clips
from training.report import EGEMAPS
from training.splits import held_out, plan

STRENGTHS = (0.3, 1.0, 3.0)
N_INNER_FOLDS = 3
N_PART = 200


def functionals(clips: Sequence[Clip], cache: Path) -> Floats:
    """Returns shape `(n_clips, 88)`, in parts of 200 clips from the cache where they are there."""
    parts = []
    for start in range(0, len(clips), N_PART):
        some = clips[start : start + N_PART]
        key = hashlib.sha256(b"".join(clip.waveform.tobytes() for clip in some)).hexdigest()
        path = cache / f"egemaps_{key[:20]}.npy"
        if not path.exists():
            import opensmile

            smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02)
            rows = [smile.process_signal(c.waveform, SAMPLE_RATE).to_numpy()[0] for c in some]
            np.save(path, np.nan_to_num(np.array(rows, np.float32)))
        parts.append(np.load(path))
    return np.concatenate(parts)


def answers(
    features: Floats, clips: Sequence[Clip], held: NDArray[np.bool_], strength: float
) -> NDArray[np.str_]:
    """Returns what a machine trained on the other clips says of the held-out ones."""
    emotions = np.array([str(clip.emotion) for clip in clips])
    rest = ~held
    weights = balancing_weights([c.corpus for c, r in zip(clips, rest, strict=True) if r],
                                emotions[rest].tolist())  # fmt: skip
    mean = np.average(features[rest], axis=0, weights=weights)
    deviation = np.sqrt(np.average((features[rest] - mean) ** 2, axis=0, weights=weights)) + 1e-9
    machine = SVC(C=strength, gamma="scale", cache_size=500)
    machine.fit((features[rest] - mean) / deviation, emotions[rest], weights)
    return np.asarray(machine.predict((features[held] - mean) / deviation))


def chosen_strength(features: Floats, clips: Sequence[Clip]) -> float:
    """Returns the strength of the highest balanced accuracy over speaker-disjoint folds."""
    emotions, corpora = [str(clip.emotion) for clip in clips], [clip.corpus for clip in clips]
    folds = speaker_folds([clip.speaker for clip in clips], corpora, N_INNER_FOLDS, seed=1)
    weights = balancing_weights(corpora, emotions)
    scores = []
    for strength in STRENGTHS:
        right = 0.0
        for fold in range(N_INNER_FOLDS):
            held = folds == fold
            found = answers(features, clips, held, strength)
            right += float(weights[held] @ (found == np.array(emotions)[held]))
        scores.append(right)
    return STRENGTHS[int(np.argmax(scores))]


def main() -> None:
    """Measures on every split of the plan, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tonescope")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    clips = [*load_clips(args.data), *nonspeech_clips(N_NONSPEECH, seed=0)]
    features = functionals(clips, args.cache)
    emotions = np.array([str(clip.emotion) for clip in clips])
    found = {}
    for run in plan([clip.corpus for clip in clips]):
        held = held_out(run, clips)
        if run.seed or run.half_the_sentences or not held.any():
            continue
        known = held & np.isin(emotions, emotions[~held])
        rest = [clip for clip, is_held in zip(clips, held, strict=True) if not is_held]
        strength = chosen_strength(features[~held], rest)
        said = answers(features, clips, held, strength)[known[held]]
        corpora = [clip.corpus for clip, is_known in zip(clips, known, strict=True) if is_known]
        found[run.name] = by_corpus(corpora, emotions[known].tolist(), said.tolist())
        told = (f"{corpus} {row['uar']:.3f}" for corpus, row in found[run.name].items())
        print(f"{run.name} (C {strength:g}): {', '.join(told)}", flush=True)
        EGEMAPS.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
