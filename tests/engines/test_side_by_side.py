"""Work side by side: one thread of torch for each piece, and nothing else changed."""

import threading

import numpy as np
import pytest

from core.engines.compact import CompactEngine
from core.engines.side_by_side import MOST, SingleThreads, in_one_thread
from core.settings import MODELS_DIR
from tests.synthetic import speech_like

torch = pytest.importorskip("torch")


def threads_of_a_new_thread() -> int:
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_pieces_run_at_once_in_one_thread_each_and_others_keep_theirs():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        pool, both = SingleThreads(), threading.Barrier(3)

        def work(number: int) -> tuple[int, int]:
            both.wait(timeout=20)  # passes only if all three are at work
            return number, torch.get_num_threads()

        assert pool.n_threads == 3
        assert pool.map(work, range(3)) == [(0, 1), (1, 1), (2, 1)]
        assert (torch.get_num_threads(), threads_of_a_new_thread()) == (3, 3)
        assert pool.map(work, range(6)) == [(number, 1) for number in range(6)]
        assert SingleThreads(1).n_threads == 1
    finally:
        torch.set_num_threads(before)
    assert SingleThreads().n_threads <= MOST


def test_all_pieces_stay_in_the_calling_thread_where_asked():
    pool, here = SingleThreads(2), threading.get_ident()
    with in_one_thread():
        assert pool.map(lambda _: threading.get_ident(), range(3)) == [here] * 3
    assert here not in pool.map(lambda _: threading.get_ident(), range(3))
    assert SingleThreads(1).map(lambda _: threading.get_ident(), range(3)) == [here] * 3


def test_failure_of_a_piece_is_raised():
    def work(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        SingleThreads(2).map(work, [1, 0])


def test_compact_answers_side_by_side_what_it_answers_alone(monkeypatch):
    engine = CompactEngine.load(MODELS_DIR / "compact")
    engine._pool = SingleThreads(2)
    assert engine.together == 2
    sounds = np.stack([speech_like(2.0, seed) for seed in range(5)])
    seen = []
    frames = engine._frames
    monkeypatch.setattr(
        engine, "_frames", lambda w: seen.append(torch.get_num_threads()) or frames(w)
    )
    found = engine.run(sounds)
    assert seen == [1] * 5
    for sound, one in zip(sounds, found, strict=True):
        alone = frames(sound)
        np.testing.assert_allclose(one.logits, alone.logits, atol=1e-4)
        np.testing.assert_allclose(one.embeddings, alone.embeddings, atol=1e-5)
