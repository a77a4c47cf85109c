"""Windows: against single runs, and against cross-fading written out by hand."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engines.base import Frames, Windowing
from core.engines.turns import TURNS
from core.engines.windows import run_windowed
from core.errors import EngineError
from tests.fakes import FakeEngine
from tests.synthetic import noise

FEW = settings(max_examples=60, deadline=None)


class LocalEngine(FakeEngine):
    """Each frame depends on its own samples alone: windows must then make no difference.

    Frames follow emotion2vec's `(n - 400) // 320 + 1`, or are simply the whole hops there are.
    """

    def __init__(self, edge: int, window_s: float = 0.4, overlap_s: float = 0.1) -> None:
        self.edge = edge
        self.windowing = Windowing(window_s, overlap_s)

    def n_frames(self, n_samples: int) -> int:
        return max(0, (n_samples - self.edge) // 320 + 1)

    def _frames(self, waveform: np.ndarray, n_frames: int) -> Frames:
        means = np.array([waveform[i * 320 : i * 320 + self.edge].mean() for i in range(n_frames)])
        return Frames(
            np.repeat(means[:, None], 9, 1).astype(np.float32),
            np.repeat(means[:, None], 4, 1).astype(np.float32),
        )


class WindowEngine(LocalEngine):
    """Every frame is the mean of its whole window: what differs most between windows."""

    def _frames(self, waveform: np.ndarray, n_frames: int) -> Frames:
        level = np.float32(waveform.mean())
        return Frames(np.full((n_frames, 9), level), np.full((n_frames, 4), level))


def joined(pieces: Iterator[Frames]) -> Frames:
    found = [piece for piece in pieces if len(piece)]
    return Frames(
        np.concatenate([p.logits for p in found]), np.concatenate([p.embeddings for p in found])
    )


def chunked(samples: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    at, turn = 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[at : at + size]
        at, turn = at + size, turn + 1


def by_hand(engine: FakeEngine, samples: np.ndarray) -> np.ndarray:
    """Cross-fades the logits of one window after the other, frame by frame."""
    n_window = round(engine.windowing.window_s * 16_000)
    stride = round((engine.windowing.window_s - engine.windowing.overlap_s) / 0.02)
    total = engine.n_frames(len(samples))
    out = np.zeros((total, 9))
    filled, start = 0, 0
    while True:
        window = samples[start * 320 : start * 320 + n_window]
        logits = engine.run(window[np.newaxis])[0].logits
        n_shared = filled - start
        for i, row in enumerate(logits):
            if i < n_shared:
                weight = (i + 1) / (n_shared + 1)
                out[start + i] = (1 - weight) * out[start + i] + weight * row
            else:
                out[start + i] = row
        filled = start + len(logits)
        if start * 320 + n_window >= len(samples):
            assert filled == total
            return out
        start += stride


lengths = st.integers(min_value=400, max_value=40_000)
sizes = st.lists(st.integers(min_value=1, max_value=9_000), min_size=1, max_size=5)


@FEW
@given(n=lengths, sizes=sizes, batch=st.integers(1, 5), edge=st.sampled_from([320, 400]))
def test_frames_of_any_length_equal_those_of_a_single_run(n, sizes, batch, edge):
    engine = LocalEngine(edge)
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    whole = engine.run(samples[np.newaxis])[0]
    found = joined(run_windowed(engine, chunked(samples, sizes), batch))
    assert len(found) == engine.n_frames(n)
    np.testing.assert_allclose(found.logits, whole.logits, atol=1e-6)
    np.testing.assert_allclose(found.embeddings, whole.embeddings, atol=1e-6)


@pytest.mark.parametrize("edge", [320, 400])
@pytest.mark.parametrize("multiple", [1, 2, 4, 5, 8, 9])
@pytest.mark.parametrize("extra", [-401, -320, -1, 0, 1, 319, 320, 400])
def test_lengths_at_the_edges_of_windows_lose_no_frame(edge, multiple, extra):
    engine = LocalEngine(edge)
    n = 6_400 + (multiple - 1) * 4_800 + extra
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    found = joined(run_windowed(engine, [samples]))
    assert len(found) == engine.n_frames(n)
    np.testing.assert_allclose(found.logits, engine.run(samples[None])[0].logits, atol=1e-6)


@FEW
@given(n=lengths, sizes=sizes, batch=st.integers(1, 5), overlap_s=st.sampled_from([0.1, 0.2]))
def test_cross_fade_equals_fading_by_hand(n, sizes, batch, overlap_s):
    engine = WindowEngine(400, overlap_s=overlap_s)
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    found = joined(run_windowed(engine, chunked(samples, sizes), batch))
    np.testing.assert_allclose(found.logits, by_hand(engine, samples), atol=1e-5)


@pytest.mark.parametrize("overlap_s", [0.02, 0.1, 0.2, 0.3, 0.38])
def test_weights_of_the_cross_fade_sum_to_one(overlap_s):
    engine = WindowEngine(320, overlap_s=overlap_s)
    found = joined(run_windowed(engine, [np.full(37_123, 0.5, np.float32)]))
    np.testing.assert_allclose(found.logits, 0.5, atol=1e-6)
    np.testing.assert_allclose(found.embeddings, 0.5, atol=1e-6)


@FEW
@given(n=st.integers(400, 6_400), sizes=sizes)
def test_recording_within_one_window_is_exactly_what_the_engine_answers(n, sizes):
    engine = WindowEngine(400)
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    found = joined(run_windowed(engine, chunked(samples, sizes)))
    whole = engine.run(samples[np.newaxis])[0]
    np.testing.assert_array_equal(found.logits, whole.logits)
    np.testing.assert_array_equal(found.embeddings, whole.embeddings)


@FEW
@given(n=lengths, sizes=sizes)
def test_result_does_not_depend_on_how_samples_arrive(n, sizes):
    engine = WindowEngine(400)
    samples = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    one = joined(run_windowed(engine, [samples]))
    many = joined(run_windowed(engine, chunked(samples, sizes)))
    np.testing.assert_array_equal(one.logits, many.logits)


def test_no_more_than_a_batch_of_windows_is_held():
    engine = LocalEngine(400)
    n_window, n_stride, batch, size = 6_400, 4_800, 4, 1_000
    pulled, passed, most = 0, 0, 0

    def source() -> Iterator[np.ndarray]:
        nonlocal pulled, most
        for _ in range(400):
            pulled += size
            most = max(most, pulled - passed)
            yield np.zeros(size, np.float32)

    run = engine.run

    def counting(waveforms: np.ndarray) -> list[Frames]:
        nonlocal passed
        assert waveforms.shape[0] <= batch
        passed += n_stride * len(waveforms)
        return run(waveforms)

    engine.run = counting
    longest = max(len(piece) for piece in run_windowed(engine, source(), batch))
    assert most <= batch * n_window + size
    assert longest <= engine.n_frames(n_window)


def test_windows_of_a_batch_are_equally_long():
    engine = LocalEngine(400)
    shapes = []
    run = engine.run
    engine.run = lambda waveforms: shapes.append(waveforms.shape) or run(waveforms)
    list(run_windowed(engine, [np.zeros(50_000, np.float32)], 4))
    assert [shape for shape in shapes if shape[0] == 4] == [(4, 6_400)] * 2
    assert all(shape[1] == 6_400 for shape in shapes[:-1])


@pytest.mark.parametrize("n", [6_400 * 3 - 1_600 * 2, 6_400 * 3 - 1_600 * 2 + 500])
def test_windows_that_are_left_go_together(n):
    engine = LocalEngine(400)
    shapes = []
    run = engine.run
    engine.run = lambda waveforms: shapes.append(waveforms.shape) or run(waveforms)
    list(run_windowed(engine, [np.zeros(n, np.float32)], 4))
    assert shapes[0] == (3, 6_400)
    assert [shape[0] for shape in shapes[1:]] == [1] * (n != 16_000)


@pytest.mark.parametrize("chunks", [[], [np.zeros(0, np.float32)], [np.zeros(399, np.float32)]])
def test_recording_too_short_for_a_frame_is_explained(chunks):
    with pytest.raises(EngineError, match=r"too short .* 0\.025 s"):
        list(run_windowed(LocalEngine(400), chunks))


def test_empty_chunks_change_nothing():
    engine = WindowEngine(400)
    samples = np.random.default_rng(1).uniform(-1, 1, 20_000).astype(np.float32)
    empty = np.zeros(0, np.float32)
    found = joined(run_windowed(engine, [empty, samples[:7_000], empty, samples[7_000:], empty]))
    np.testing.assert_array_equal(found.logits, joined(run_windowed(engine, [samples])).logits)


def test_recordings_take_turns_at_the_engine_window_by_window():
    order, started = [], threading.Barrier(2)

    class Told(FakeEngine):
        def __init__(self, told: str) -> None:
            self.told = told

        def run(self, waveforms):
            if not order:  # until the other one waits for its turn
                end_s = time.monotonic() + 10
                while not TURNS._waiting and time.monotonic() < end_s:
                    time.sleep(0.001)
            order.append(self.told)
            time.sleep(0.01)  # time for the other one to ask again
            return super().run(waveforms)

    def work(told: str) -> None:
        started.wait(timeout=10)
        list(run_windowed(Told(told), [noise(40.0)]))

    threads = [threading.Thread(target=work, args=(told,)) for told in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    switches = sum(one != two for one, two in pairwise(order))
    assert (order.count("a"), order.count("b")) == (13, 13)
    assert switches > 13


def test_turn_is_given_back_where_the_engine_fails():
    class Failing(FakeEngine):
        def run(self, waveforms):
            raise EngineError("It fails; take another.")

    for _ in range(2):
        with pytest.raises(EngineError, match="It fails"):
            list(run_windowed(Failing(), [noise(5.0)]))
