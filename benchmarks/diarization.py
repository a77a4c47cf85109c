"""How often turns go to the wrong speaker, on made-up conversations of real voices.

    python -m benchmarks.diarization [--mixtures 6] [--corpora emodb,ravdess] [--seconds 60]
                                     [--overlap 0.14]

Needs the recordings beside the project. The distance at which two voices count as one was chosen on
nEMO; the other corpora had no part in it, nor has any of them in the training of the networks, as far
as their authors say. `auto` finds out how many speakers there are, `given` is told. `--overlap` is how
often a speaker begins before the last one has ended.
"""

import argparse

import numpy as np

from benchmarks.figures import Figure
from benchmarks.mixtures import Mixture, clips, conversation
from core.audio.speech import SpeechDetector
from core.settings import Conditioning
from core.speakers.diarization import listen, turns_of
from core.speakers.error_rate import ErrorRate, error_rate
from core.speakers.model import speaker_model
from core.speakers.turns import overlaps


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mixtures", type=int, default=6, help="for each number of speakers")
    parser.add_argument("--corpora", default="emodb,ravdess")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each")
    parser.add_argument("--overlap", type=float, default=1 / 7, help="share of turns, 0 to 1")
    options = parser.parse_args()
    every = clips()
    for corpus in options.corpora.split(","):
        pool = [clip for clip in every if clip.corpus == corpus]
        for n_speakers in (2, 3):
            mixtures = [
                conversation(
                    pool,
                    n_speakers,
                    options.seconds,
                    np.random.default_rng([n_speakers, k]),
                    options.overlap,
                )
                for k in range(options.mixtures)
            ]
            _show(corpus, n_speakers, mixtures)


def _show(corpus: str, n_speakers: int, mixtures: list[Mixture]) -> None:
    auto, given, exact = [], [], 0
    for mixture in mixtures:
        detector = SpeechDetector(Conditioning())
        detector.feed(mixture.samples)
        speech = detector.finish()
        heard = listen(speaker_model(), [mixture.samples], speech)
        found = turns_of(heard, speech)
        exact += len({turn.speaker for turn in found}) == n_speakers
        auto.append(error_rate(mixture.turns, found))
        given.append(error_rate(mixture.turns, turns_of(heard, speech, n_speakers)))
    name, n = f"{corpus}_{n_speakers}_speakers", len(mixtures)
    Figure(f"der_auto_{name}", _rate(auto), "of speech").show()
    Figure(f"der_given_{name}", _rate(given), "of speech").show()
    confused = sum(e.confused_s for e in auto) / sum(e.total_s for e in auto)
    Figure(f"confusion_auto_{name}", round(confused, 4), "of speech").show()
    both_s = sum(span.duration_s for m in mixtures for span in overlaps(m.turns))
    overlapped = both_s / sum(e.total_s for e in auto)
    Figure(f"overlapped_{name}", round(overlapped, 4), "s of overlap for each of speech").show()
    Figure(f"number_found_{name}", exact, "mixtures", limit=n).show()


def _rate(errors: list[ErrorRate]) -> float:
    wrong = sum(e.missed_s + e.false_s + e.confused_s for e in errors)
    return round(wrong / sum(e.total_s for e in errors), 4)


if __name__ == "__main__":
    main()
