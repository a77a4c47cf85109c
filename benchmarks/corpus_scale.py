"""What a large corpus costs: search, clusters, map, a new recording on it, the page, memory.

    python -m benchmarks.corpus_scale --segments N --dims 384 [--clips 800] [--reference 20000]

Segments are clips of real speech under `compact`, each many times with jitter (seed 0); queries are
clips held out. Without the recordings beside the project the samples in it stand for them. Vectors are
centred per corpus, as everywhere. `page_ready_s` is the slowest of the scripts of the pages Map,
Clusters and Same tone over a store of so many segments with a map and a clustering, each with empty
caches, after a first page, in a process of its own; what is computed beside a page is not in it, but in
`peak_memory_gb`, which is that of the greater process. umap-learn alone on 20,000 for reference.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from benchmarks.long_recording import peak_gb
from core.settings import PROJECT_ROOT, SAMPLES_DIR

SPEECH = PROJECT_ROOT.parent / "shared" / "data" / "speech"
HELD_OUT = 200
JITTER = 0.3  # of the standard deviation of each dimension
NEW_SEGMENTS = 300  # of a recording of about a quarter of an hour
PER_RECORDING = 200
K, AT = 12, 10
PAGES = ("map", "clusters", "similar")
LIMITS = {
    "exact_query_ms": 100.0,
    "indexed_query_ms": 10.0,
    "indexed_recall": 0.95,
    "kmeans_s": 20.0,
    "map_s": 360.0,
    "place_s": 2.0,
    "page_ready_s": 2.0,
    "peak_memory_gb": 6.0,
}
Floats = NDArray[np.float32]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--clips", type=int, default=800, help="of real speech that it is made of")
    parser.add_argument("--reference", type=int, default=20_000, help="0 leaves umap-learn out")
    parser.add_argument("--no-page", action="store_true", help="leave out page_ready_s")
    parser.add_argument("--pages", metavar="STORE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pages:
        print(json.dumps(pages(options.pages)))
        return
    real = real_segments(options.clips, options.dims)
    _say(f"{len(real)} real segments of {real.shape[1]} dimensions, {peak_gb():.2f} GB")
    raw = jittered(real[HELD_OUT:], options.segments)
    new = jittered(real[HELD_OUT : 2 * HELD_OUT], NEW_SEGMENTS, seed=1)
    centred, vectors = _space(raw)
    queries = centred.apply(real[:HELD_OUT])
    del raw
    search(vectors, queries)
    clusters(vectors)
    points, fitted = a_map(vectors, options.reference)
    placed(vectors, points, fitted, centred.apply(new))
    peaks_gb = [peak_gb()]
    if not options.no_page:
        told = in_pages(vectors, points, fitted)
        peaks_gb.append(told.pop("peak_gb"))
        _say(", ".join(f"{page} {took_s:.2f} s" for page, took_s in told.items()))
        _show("page_ready_s", max(told.values()), "s")
    _say(f"peak of the computations and of the pages: {peaks_gb} GB")
    _show("peak_memory_gb", max(peaks_gb), "GB", 3)


def real_segments(n_clips: int, n_dims: int) -> Floats:
    """Returns embeddings of clips of real speech, shape `(n, n_dims)`, drawn with seed 0.

    They are kept beside other measurements, by the engine's name and what was asked.
    """
    from core.engines.registry import Registry
    from core.settings import measurements

    files = sorted(SPEECH.rglob("*.flac")) or sorted(SAMPLES_DIR.glob("*.*"))
    drawn = np.random.default_rng(0).permutation(len(files))[: n_clips + HELD_OUT]
    engine = Registry().load("compact")
    name = hashlib.sha256(f"{engine.engine_id} {len(files)} {n_clips}".encode()).hexdigest()[:16]
    kept = measurements() / f"corpus_scale-{name}.npy"
    if kept.is_file():
        found: Floats = np.load(kept, allow_pickle=False)
    else:
        found = np.concatenate([_heard(engine, files[i]) for i in drawn])
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, found)
    if n_dims != found.shape[1]:  # a random rotation into other dimensions, as good as any
        turn = np.random.default_rng(0).standard_normal((found.shape[1], n_dims))
        found = (found @ turn / np.sqrt(found.shape[1])).astype(np.float32)
    return found


def _heard(engine: Any, path: Path) -> Floats:
    """Returns the mean embedding of a clip, or of each window of a longer file."""
    from core.audio.decode import SAMPLE_RATE, open_audio

    with open_audio(path) as audio:
        sound = np.concatenate(list(audio.samples()))
    step = int(engine.windowing.window_s * SAMPLE_RATE)
    parts = [sound[i : i + step] for i in range(0, len(sound), step)]
    heard = [engine.run(part[np.newaxis])[0] for part in parts if len(part) > SAMPLE_RATE // 2]
    return np.stack([frames.embeddings.mean(axis=0) for frames in heard]).astype(np.float32)


def jittered(real: Floats, n_segments: int, seed: int = 0) -> Floats:
    """Returns copies of real segments with noise, shape `(n_segments, n_dims)`."""
    random, spread = np.random.default_rng(seed), JITTER * real.std(axis=0)
    made = np.empty((n_segments, real.shape[1]), np.float32)
    for first in range(0, n_segments, 50_000):
        part = slice(first, min(first + 50_000, n_segments))
        of = random.integers(0, len(real), part.stop - first)
        noise = random.standard_normal((len(of), real.shape[1]), np.float32)
        made[part] = real[of] + noise * spread
    return made


def search(vectors: Floats, queries: Floats) -> None:
    """Prints the figures of single queries, exact and by the index, and the index's recall."""
    from core.explore import index as indexes
    from core.explore.neighbours import nearest

    truth = nearest(vectors, queries, AT)[0]
    exact_ms = _each_ms(lambda query: nearest(vectors, query, AT), queries[:50])
    _show("exact_query_ms", exact_ms, "ms", against=_sorted_ms(vectors, queries[:10]))
    start_s = time.perf_counter()
    index = indexes.build(vectors, "benchmark")
    took_s = time.perf_counter() - start_s
    _say(f"index in {took_s:.1f} s: {index.made}, {peak_gb():.2f} GB")
    indexed_ms = _each_ms(lambda query: index.search(query, AT), queries)
    _show("indexed_query_ms", indexed_ms, "ms", against=("exact_query_ms", exact_ms))
    found = index.search(queries, AT)[0]
    _show("indexed_recall", indexes.recall_of(found, truth), "share of the true 10 nearest")


def clusters(vectors: Floats) -> None:
    """Prints the figure of K-Means."""
    from core.explore.clusters import _fit

    start_s = time.perf_counter()
    _fit(vectors, K, 0)
    _show("kmeans_s", time.perf_counter() - start_s, "s")


def a_map(vectors: Floats, reference: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Prints the figures of the map; returns its points and which were arranged by UMAP."""
    from core.explore.placing import arrange
    from core.explore.projection import Method

    import_s = time.perf_counter()
    __import__("umap")
    _say(f"import of umap: {time.perf_counter() - import_s:.1f} s")
    against = None
    if reference:
        import warnings

        from umap import UMAP

        start_s = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            UMAP(random_state=0).fit_transform(vectors[:reference])
        took_s = time.perf_counter() - start_s
        against = (f"umap-learn on {min(reference, len(vectors)):,} alone: {took_s:.1f} s", None)
    start_s = time.perf_counter()
    strata = np.arange(len(vectors)) // PER_RECORDING
    made = arrange(vectors, Method.UMAP, 0, None, strata)
    _show("map_s", time.perf_counter() - start_s, "s", against=against)
    _say(f"trustworthiness {made.trustworthiness:.3f} over {made.trust_points} points")
    return made.points, made.fitted


def placed(vectors: Floats, points: Floats, fitted: NDArray[np.bool_], new: Floats) -> None:
    """Prints the figure of a new recording that joins the map."""
    from core.explore.placing import place

    before = points.copy()
    start_s = time.perf_counter()
    found = place(vectors[fitted], points[fitted], new)
    took_s = time.perf_counter() - start_s
    if not (np.isfinite(found).all() and np.array_equal(points, before)):
        raise RuntimeError("Placing a recording moved others, or found no place.")
    _show("place_s", took_s, "s")


def in_pages(vectors: Floats, points: Floats, fitted: NDArray[np.bool_]) -> dict[str, float]:
    """Returns what `pages` tells, run by a process of its own over a store of so many segments."""
    from core.store.store import Store

    with tempfile.TemporaryDirectory() as folder:
        write_store(Store(Path(folder)), vectors, points, fitted)
        command = [sys.executable, "-m", "benchmarks.corpus_scale", "--pages", folder]
        done = subprocess.run(command, cwd=PROJECT_ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def pages(store: str) -> dict[str, float]:
    """Returns the seconds of each page's script, and the peak of memory with what they begin."""
    import importlib

    os.environ["TONESCOPE_STORE"] = store
    importlib.import_module("dashboard.app")
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(PROJECT_ROOT / "dashboard" / "main.py"), default_timeout=600)
    app.query_params["k"] = str(K)
    app.run()
    found = {page: _page_s(app, page) for page in PAGES}
    return found | {"peak_gb": peak_gb()}


def _page_s(app: Any, page: str) -> float:
    """Returns the median seconds of a page's script with empty caches, while nothing else runs."""
    import streamlit as st

    from dashboard.background import background

    app.switch_page(f"../pages/{page}.py").run()  # imports
    times = []
    for _ in range(3):
        while not all(task.finished for task in list(background()._tasks.values())):
            time.sleep(0.1)
        st.cache_data.clear()
        st.cache_resource.clear()
        start_s = time.perf_counter()
        app.switch_page(f"../pages/{page}.py").run()
        times.append(time.perf_counter() - start_s)
        if app.exception:
            raise RuntimeError(f"The page {page} failed: {app.exception}")
    return statistics.median(times)


def write_store(store: Any, vectors: Floats, points: Floats, fitted: NDArray[np.bool_]) -> None:
    """Fills a store with recordings of 200 segments each, and their map."""
    import pandas as pd
    import pyarrow as pa

    from core.emotions import EMOTIONS
    from core.explore.space import SpaceSettings
    from core.store import maps
    from core.store.corpus import corpus
    from core.store.rows import vectors as as_lists
    from core.store.schema import TABLES

    now, n = datetime.now(UTC), len(vectors)
    owner, number = np.arange(n) // PER_RECORDING, (np.arange(n) % PER_RECORDING).astype(np.int32)
    names = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(int(owner[-1]) + 1)]
    one = {"size_bytes": 1, "duration_s": 900.0, "container": "wav", "codec": "pcm_s16le"}
    one |= {"sample_rate": 16000, "n_channels": 1, "added_at": now, "created_at": now}
    one |= {"channel": -1, "track_key": "t", "run_key": "r", "engine": "compact", "n_frames": 45000}
    one |= {"engine_id": "compact-000000000000", "precision": "fp32", "class_mask": [True] * 9}
    one |= {"hop_s": 0.02, "offset_s": 0.0, "n_dims": 384, "speech_s": 800.0, "emotion": "neutral"}
    one |= {"segmentation": "{}", "embedding_resolution_s": 0.02, "n_segments": PER_RECORDING}
    of = [
        one | {"recording": name, "name": f"{i}.wav", "attempt": i, "speaker": f"P{i % 50}"}
        for i, name in enumerate(names)
    ]
    for table in ("recordings", "tracks", "runs"):
        schema = TABLES[table].schema
        store.lake.append(table, pa.Table.from_pylist(of, schema=schema))
    random = np.random.default_rng(0)
    for first in range(0, n, 100_000):
        part = slice(first, min(first + 100_000, n))
        size = part.stop - first
        columns: dict[str, Any] = {
            "attempt": owner[part].astype(np.int64),
            "segment": number[part],
            "start_s": number[part] * 4.0,
            "end_s": number[part] * 4.0 + 3.0,
            "n_frames": np.full(size, 150, np.int32),
            "speaker": pa.nulls(size, pa.string()),
            **{str(e): random.standard_normal(size).astype(np.float32) for e in EMOTIONS},
            "emotion": np.array([str(e) for e in EMOTIONS])[random.integers(0, 9, size)],
            "confidence": random.random(size),
            "embedding": as_lists(vectors[part]),
        }
        store.lake.append("segments", pa.table(columns, schema=TABLES["segments"].schema))
    found = corpus(store, "compact")
    of_map = {"engine_id": found.engine_id, "data": found.version, "run_keys": ["r"], "n": n}
    of_map |= {"space": SpaceSettings().sentence, "asked": "umap", "method": "umap", "settings": {}}
    head = maps.Head("projection", "benchmark", "umap", 0, of_map | {"versions": {}}, now)
    rows = pd.DataFrame({"recording": np.array(names)[owner], "channel": -1, "run_key": "r"})
    rows = rows.assign(segment=number, x=points[:, 0], y=points[:, 1], placed=~fitted)
    maps.write(store, head, rows)
    sizes = np.bincount(np.arange(n) % K).tolist()
    of_map |= {"unit": "segment", "method": "kmeans", "k": K, "clusters": K, "sizes": sizes}
    of_map |= {"silhouette": None, "n_units": n, "left_out": 0}
    head = maps.Head("clustering", "benchmark", "kmeans", 0, of_map | {"versions": {}}, now)
    maps.write(store, head, rows.assign(cluster=np.arange(n) % K))


def _space(raw: Floats) -> tuple[Any, Floats]:
    from core.explore.space import fit

    start_s = time.perf_counter()
    space = fit(raw)
    vectors = space.apply(raw)
    _say(f"space in {time.perf_counter() - start_s:.1f} s, {peak_gb():.2f} GB")
    return space, vectors


def _each_ms(work: Any, queries: Floats) -> float:
    work(queries[:1])
    times = []
    for query in queries:
        start_s = time.perf_counter()
        work(query[np.newaxis])
        times.append((time.perf_counter() - start_s) * 1000)
    return statistics.median(times)


def _sorted_ms(vectors: Floats, queries: Floats) -> tuple[str, float]:
    """Returns what a plain product and a full sort take."""
    return "numpy: product and argsort", _each_ms(
        lambda query: np.argsort(-(vectors @ query[0]), kind="stable")[:AT], queries
    )


def _show(
    figure: str,
    value: float,
    unit: str,
    digits: int = 3,
    against: tuple[str, float | None] | None = None,
) -> None:
    name, other = against or (None, None)
    ratio = None if other is None or not value else round(other / value, 2)
    said = name if other is None or name is None else f"{name}: {other:.4g}"
    Figure(figure, round(value, digits), unit, said, ratio, LIMITS[figure]).show()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
