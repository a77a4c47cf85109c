"""Visitors of the dashboard at once, each with choices and a job of their own.

    python -m benchmarks.visitors [--visitors 20] [--rounds 4] [--think 5] [--files 40]

The server is `streamlit run dashboard/app.py` in a process of its own; visitors speak to it as browsers
do (`benchmarks.visiting`), on the same machine. Each goes round *Analyse*, *Overview* and *Recording*,
with another word typed, searched for and recording opened than all others, and looks at each answer for
`--think` seconds, more or less. The first hands in many files, then each other one file, and the rounds
go on meanwhile; `compact` analyses. `page_*_s` is the time from asking to the end of the page's script,
for *Recording* with the curves that the page then asks for; beside it one visitor alone, before, with no
job. `foreign_choices` are answers that hold what another one chose, or lack one's own. `files_let_pass`
is the most files of the first visitor that were finished between another's handing in and its result.
"""

import argparse
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.batch import write_files
from benchmarks.faults import Cheap
from benchmarks.figures import Figure
from benchmarks.served import dashboard, wait_until_up
from benchmarks.visiting import Answer, Visitor, visitor
from core.pipeline import Pipeline
from core.store.store import Store

LIMIT_S = 2.0
MOST_LET_PASS = 4  # one running and one waiting when it came, and two of the thread beside it
_ANALYSED = re.compile(r"\*\*(\d+) analysed")


@dataclass
class Own:
    """What one visitor chooses, and what came of it.

    Attributes:
        word: in the name of their recording, and typed; part of nobody else's.
        words: of all others.
        recordings: of all others.
        times_s: of answers, by page.
        foreign: answers that held what another one chose, or lacked their own.
        done: files of their job that were analysed.
    """

    word: str
    recording: str
    words: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    times_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    foreign: int = 0
    handed_in_s: float = 0.0
    done: int = 0


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4, help="of three pages each")
    parser.add_argument("--think", type=float, default=5.0, help="seconds between pages")
    parser.add_argument("--files", type=int, default=40, help="that the first one hands in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.visitors, options.rounds, options.think, options.files)


def measure(
    folder: Path, n: int, n_rounds: int, think_s: float, n_files: int, minutes: float = 0.5
) -> None:
    """Prints the figures of a new store.

    Args:
        folder: for the store and the files.
        n: visitors.
        n_rounds: of each.
        think_s: seconds between pages.
        n_files: that the first one hands in.
        minutes: of sound in each of those; less in those of others.
    """
    store = Store(folder / "store")
    everybody = prepare(store, folder / "known", n)
    single = _written(folder / "single", n, 0.4 * minutes)
    given = [_written(folder / "many", n_files, minutes), *([path] for path in single[1:])]
    with dashboard(store.root) as address:
        wait_until_up(address)
        alone = replace(everybody[0], times_s=defaultdict(list))
        with visitor(address) as first:
            _look_round(first, replace(alone, times_s=defaultdict(list)), 0, 0.0)  # imports
            for number in range(n_rounds):
                _look_round(first, alone, number, 0.0)
        in_first = threading.Event()
        with ThreadPoolExecutor(n) as threads:
            work = [
                threads.submit(_visit, address, own, files, in_first, n_rounds, think_s)
                for own, files in zip(everybody, given, strict=True)
            ]
        for one in work:
            one.result()
    _show(everybody, alone, n_files)
    most = let_pass(store, everybody)
    Figure("files_let_pass", most, "files", limit=MOST_LET_PASS).show()


def prepare(store: Store, folder: Path, n: int) -> list[Own]:
    """Stores a recording for each visitor; returns what each of them will choose."""
    pipeline, found = Pipeline(Cheap()), []
    for number, path in enumerate(_written(folder, n, 0.25)):
        word = f"visitor{number:02d}"
        outcome = pipeline.analyze(path, store, name=f"{word}.wav")
        if outcome.recording is None:
            raise RuntimeError(outcome.error)
        found.append(Own(word, outcome.recording))
    for own in found:
        others = [other for other in found if other is not own]
        own.words = [other.word for other in others]
        own.recordings = [other.recording for other in others]
    return found


def let_pass(store: Store, everybody: list[Own]) -> int:
    """Returns the most files of the first visitor that were finished before another's only one.

    Raises:
        SystemExit: the first visitor's files were too few to tell.
    """
    names = {row["recording"]: row["name"] for row in store.table("recordings").to_pylist()}
    made_s = {
        names[row["recording"]]: row["created_at"].timestamp()
        for row in store.table("tracks").to_pylist()
    }
    many = [at for name, at in made_s.items() if name.startswith("many")]
    singles = {n: made_s[f"single-{n:02d}.wav"] for n in range(1, len(everybody))}
    if max(many) < max(singles.values()):
        raise SystemExit("The first visitor's files ended too early: give more --files.")
    return max(
        sum(everybody[n].handed_in_s < at < end_s for at in many) for n, end_s in singles.items()
    )


def _visit(
    address: str,
    own: Own,
    files: list[Path],
    in_first: threading.Event,
    n_rounds: int,
    think_s: float,
) -> None:
    with visitor(address) as me:
        if len(files) == 1:
            in_first.wait()
        try:
            job = _hand_in(me, own, files)
        finally:
            in_first.set()
        for number in range(n_rounds):
            _look_round(me, own, number, think_s)
        while (done := _analysed(me.open("analyze", job=job))) is None:
            time.sleep(0.5)
        own.done = done


def _hand_in(me: Visitor, own: Own, files: list[Path]) -> str:
    """Hands files in on *Analyse*; returns the job's name, which is then in the address."""
    answer = me.open("analyze")
    answer = me.upload(answer.one("file_uploader", "Drop recordings"), files)
    me.press(answer.one("button", f"Analyse {len(files)} file"))
    own.handed_in_s = time.time()
    return me.query["job"]


def _look_round(me: Visitor, own: Own, number: int, think_s: float) -> None:
    """Opens three pages, and holds what they show against one's own choices."""
    answer = _timed(own, "analyze", me.open("analyze"), think_s)
    speaker = answer.one("text_input", "Speaker")
    if number == 0:
        answer = me.type(speaker, own.word)
    else:  # what was typed comes back from the session
        _expect(own, speaker.value == own.word)
    _expect(own, not _any_in(own.words, answer))
    answer = _timed(own, "overview", me.open(""), think_s)
    answer = _timed(own, "search", me.type(answer.one("text_input", "Filter"), own.word), think_s)
    _expect(own, _any_in([own.word], answer) and not _any_in(own.words, answer))
    region = f"{1 + number}.000-{3 + number}.000"
    answer = me.open("recording", recording=own.recording, region=region)
    start_s = time.perf_counter()
    curves = me.get(f"/tonescope/view/{own.recording}", **_view(answer, own))
    answer.seconds += time.perf_counter() - start_s
    _timed(own, "recording", answer, think_s)
    _expect(own, any(own.word in text for text in answer.texts("heading")))
    _expect(own, _any_in([own.recording], answer) and not _any_in(own.recordings, answer))
    _expect(own, bool(curves.raise_for_status().json()))
    _expect(own, (me.query["recording"], me.query["region"]) == (own.recording, region))


def _view(answer: Answer, own: Own) -> dict[str, object]:
    """Returns what the page's view asks for, of the track that the page shows."""
    keys = re.search(rb'"track": ?"([0-9a-f]{16})", ?"run": ?"([0-9a-f]{16})"', answer.data)
    if keys is None:
        raise RuntimeError(f"The page shows no track of {own.word}.")
    asked = {"track": keys[1].decode(), "run": keys[2].decode(), "start": 0, "end": 15}
    return asked | {"width": 900, "smoothing": 1, "parts": "lanes,wave"}


def _timed(own: Own, page: str, answer: Answer, think_s: float) -> Answer:
    own.times_s[page].append(answer.seconds)
    time.sleep(think_s * random.uniform(0.5, 1.5))
    return answer


def _expect(own: Own, holds: bool) -> None:
    own.foreign += not holds


def _any_in(texts: list[str], answer: Answer) -> bool:
    return any(text.encode() in answer.data for text in texts)


def _analysed(answer: Answer) -> int | None:
    """Returns how many files of a job were analysed, or None while it runs."""
    for text in answer.texts("markdown"):
        if found := _ANALYSED.match(text):
            return int(found[1])
    return None


def _written(folder: Path, n: int, minutes: float) -> list[Path]:
    folder.mkdir()
    write_files(folder, n, minutes)
    return [
        path.rename(folder / f"{folder.name}-{number:02d}.wav")
        for number, path in enumerate(sorted(folder.iterdir()))
    ]


def _show(everybody: list[Own], alone: Own, n_files: int) -> None:
    times_s: dict[str, list[float]] = defaultdict(list)
    for own in everybody:
        for page, of_page in own.times_s.items():
            times_s[page] += of_page
    for page, of_page in times_s.items():
        said = f"median {statistics.median(of_page):.2f} s, worst {max(of_page):.2f} s"
        mine = f"alone {statistics.median(alone.times_s[page]):.2f} s"
        print(f"{page}: {said}, {mine}", file=sys.stderr, flush=True)
    every = [time_s for of_page in times_s.values() for time_s in of_page]
    by_one = [time_s for of_page in alone.times_s.values() for time_s in of_page]
    for name, of in (("page_median_s", statistics.median), ("page_worst_s", max)):
        value, against_s = of(every), of(by_one)
        against = f"one visitor alone, no job: {against_s:.2f} s"
        ratio = round(against_s / value, 2)
        Figure(name, round(value, 2), "s", against, ratio, LIMIT_S).show()
    foreign = sum(own.foreign for own in [*everybody, alone])
    Figure("foreign_choices", foreign, f"answers of {len(every)}", limit=0).show()
    done = sum(own.done for own in everybody)
    Figure("files_done", done, "files", limit=n_files + len(everybody) - 1).show()


if __name__ == "__main__":
    main()
