"""A batch on a Ray cluster: workers analyse, this process alone stores.

Each worker is a process that loads the engine once and runs the very analysis of `core.batch`. What it
finds comes back and is stored here, so a worker that dies has stored nothing, and its files are given
to others: nothing is lost, nothing is there twice. Ray is imported only when a cluster is asked for.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from core import batch
from core.batch import Gathered, Input, Track
from core.channels import MOST_CHANNELS, EachChannel
from core.cluster import Crew, crew, joined
from core.engines.base import Engine
from core.engines.registry import Registry
from core.errors import ClusterError
from core.findings import Found, failed
from core.pipeline import Pipeline
from core.provenance import readable
from core.records import Metadata
from core.settings import Analysis
from core.store import consent
from core.store.store import Store

FILES_EACH: Final = 2  # at a worker: while one is at the model, the other is decoded
MOST_DEATHS: Final = 3  # of workers on one file, or of workers that never came to life
START_S: Final = 300.0


def load_engine(name: str, precision: str) -> Engine:
    """Returns an engine of the machine that this runs on."""
    return Registry().load(name, precision)


def run(
    pipeline: Pipeline,
    inputs: Iterable[Input],
    store: Store,
    metadata: Metadata | None = None,
    *,
    address: str,
    load: Callable[[], Engine],
    workers: int | None = None,
    retries: int = 0,
    together: int = batch.TOGETHER,
) -> Iterator[tuple[Input, list[Track]]]:
    """Analyses files on a cluster into a store here; yields the tracks of each as they are stored.

    Args:
        pipeline: as of `batch.run`; it tells what is known already, and analyses nothing itself.
        inputs: the files, as the workers find them: the same paths there, or URLs.
        store: where results go.
        metadata: what is said of all of them.
        address: `local` for a cluster of one's own on this machine, else what `ray.init` takes.
        load: makes the engine in a worker.
        workers: how many; by default one for each GPU, or else each core, of the cluster.
        retries: how often a file that fails is tried again.
        together: files that are stored together at most.

    Raises:
        ClusterError: Ray is not installed, the cluster cannot be joined, or no worker lives.
    """
    gathered: Gathered[Input] = Gathered(pipeline, store, together)
    with joined(address, workers) as ray:
        known = ray.put(_known(pipeline, store))
        each = isinstance(pipeline, EachChannel)
        given = (load, pipeline.settings, each, known)
        team = _Team(ray, pipeline, given, crew(ray.cluster_resources(), workers))
        for item, found in team.work(inputs, metadata, retries, lambda: gathered.wait_s):
            if item is None:
                yield from gathered.flush()
            elif found is None:
                yield from gathered.add(item, batch.find(pipeline, item, store, metadata))
            else:
                yield from gathered.add(item, [_named(item, one) for one in found])
        yield from gathered.flush()


class Worker:
    """What runs in a process of the cluster; the engine is loaded once, when it is first needed."""

    def __init__(
        self,
        load: Callable[[], Engine],
        settings: Analysis,
        each_channel: bool,
        known: frozenset[bytes],
    ) -> None:
        self._load = load
        self._kind = EachChannel if each_channel else Pipeline
        self._settings = settings
        self._known = known
        self._lock = threading.Lock()
        self._made: Pipeline | None = None

    def ready(self) -> tuple[str, str]:
        """Returns the engine's id and precision, once it is loaded."""
        engine = self._pipeline().engine
        return engine.engine_id, engine.precision

    def find(self, item: Input, metadata: Metadata | None, retries: int) -> list[Found] | None:
        """Returns what a file came to, or None where the store has it already."""
        from core.errors import AudioError
        from core.provenance import sha256_of

        if self._known:
            try:
                with batch.open_local(item) as path:
                    if bytes.fromhex(sha256_of(path)) in self._known:
                        return None
            except AudioError:
                pass  # the analysis tells what is wrong, and tries again
        return batch.find(self._pipeline(), item, None, metadata, retries=retries)

    def _pipeline(self) -> Pipeline:
        with self._lock:
            if self._made is None:
                self._made = self._kind(self._load(), self._settings)
            return self._made


@dataclass(eq=False)
class _Member:
    """A worker as seen from here; `free` is how many files more it takes."""

    actor: Any
    free: int = 0


@dataclass(frozen=True)
class _Task:
    """A file at a worker; one on which a worker died has the next one for itself."""

    item: Input
    deaths: int = 0
    member: _Member | None = None

    @property
    def takes(self) -> int:
        return FILES_EACH if self.deaths else 1


class _Team:
    """The workers, and which files each of them has."""

    def __init__(self, ray: Any, pipeline: Pipeline, given: tuple[Any, ...], wanted: Crew) -> None:
        self._ray = ray
        self._engine = pipeline.engine
        self._given = given
        self._kind = ray.remote(Worker).options(
            num_cpus=wanted.cpus, num_gpus=wanted.gpus, max_concurrency=FILES_EACH
        )
        self._starting: dict[Any, _Member] = {}
        self._members: list[_Member] = []
        self._busy: dict[Any, _Task] = {}
        self._again: deque[_Task] = deque()
        self._stillborn = 0
        for _ in range(wanted.workers):
            self._start()

    def work(
        self,
        inputs: Iterable[Input],
        metadata: Metadata | None,
        retries: int,
        wait_s: Callable[[], float | None],
    ) -> Iterator[tuple[Input | None, list[Found] | None]]:
        """Yields each file with what it came to, as it comes; no file where `wait_s` has passed."""
        coming = iter(inputs)
        while True:
            for member in self._members:
                while task := self._next(coming, member.free):
                    member.free -= task.takes
                    told = member.actor.find.remote(_absolute(task.item), metadata, retries)
                    self._busy[told] = replace(task, member=member)
            if not self._busy and self._members and not self._again:
                return
            yield from self._wait(wait_s())

    def _next(self, coming: Iterator[Input], free: int) -> _Task | None:
        if self._again:
            return self._again.popleft() if free == FILES_EACH else None
        item = next(coming, None) if free else None
        return None if item is None else _Task(item)

    def _wait(self, wait_s: float | None) -> Iterator[tuple[Input | None, list[Found] | None]]:
        refs = [*self._busy, *self._starting]
        done, _ = self._ray.wait(refs, timeout=START_S if wait_s is None else wait_s)
        if not done and wait_s is not None:
            yield None, None
        elif not done and not self._members:
            raise ClusterError(
                f"No worker started within {START_S:.0f} s; the cluster has no free cores, or its "
                "machines lack Tonescope's packages. Look at `ray status`, then try again."
            )
        for ref in done:
            if ref in self._starting:
                self._welcome(ref)
            elif ref in self._busy:  # a death takes the other files of the worker out of it
                yield from self._answer(ref)

    def _answer(self, ref: Any) -> Iterator[tuple[Input | None, list[Found] | None]]:
        task = self._busy[ref]
        assert task.member is not None
        try:
            found = self._ray.get(ref)
        except self._ray.exceptions.RayActorError:
            yield from self._bury(task.member)
            return
        except self._ray.exceptions.RayTaskError as error:
            found = [_lost(task.item, self._engine.name, error.cause)]
        self._busy.pop(ref)
        task.member.free += task.takes
        yield task.item, found

    def _bury(self, member: _Member) -> Iterator[tuple[Input, list[Found]]]:
        """Gives the files of a dead worker to others, but not one that many died on."""
        self._members.remove(member)
        for ref in [ref for ref, task in self._busy.items() if task.member is member]:
            task = self._busy.pop(ref)
            if task.deaths + 1 < MOST_DEATHS:
                self._again.append(_Task(task.item, task.deaths + 1))
                continue
            told = ClusterError(
                f"{task.item.name!r} cannot be analysed: {MOST_DEATHS} workers died on it, killed or "
                "out of memory. Analyse it by itself, or give the workers more memory."
            )
            yield task.item, [_lost(task.item, self._engine.name, told)]
        self._start()

    def _start(self) -> None:
        actor = self._kind.remote(*self._given)
        self._starting[actor.ready.remote()] = _Member(actor)

    def _welcome(self, ref: Any) -> None:
        member = self._starting.pop(ref)
        try:
            engine_id, precision = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            raise ClusterError(
                f"A worker cannot load the engine {self._engine.name} ({error.cause}); it must be on "
                "every machine of the cluster, in the same version."
            ) from error
        except self._ray.exceptions.RayActorError as error:
            self._stillborn += 1
            if self._stillborn >= MOST_DEATHS and not self._members:
                raise ClusterError(
                    f"{MOST_DEATHS} workers died while they loaded the engine; give each more "
                    "memory, or ask for fewer with --workers."
                ) from error
            self._start()
            return
        mine = (self._engine.engine_id, self._engine.precision)
        if (engine_id, precision) != mine:
            raise ClusterError(
                f"A worker has the engine {engine_id} in {precision}, this machine {mine[0]} in "
                f"{mine[1]}; results of the two would not mix. Put the same weights on both."
            )
        self._stillborn = 0
        member.free = FILES_EACH
        self._members.append(member)


def _known(pipeline: Pipeline, store: Store) -> frozenset[bytes]:
    """Returns the SHA-256 of each recording that is left to this machine, which has the store.

    It has a track by this pipeline, or turns that the segments must follow, or may not be analysed.
    """
    keys = [pipeline.track_key]
    if isinstance(pipeline, EachChannel):
        keys += [pipeline.of_channel(number).track_key for number in range(MOST_CHANNELS)]
    where = pc.field("track_key").isin(keys)
    found = consent.withheld(store, consent.Use.ANALYSE)
    found |= set(store.lake.read("tracks", ["recording"], where)["recording"].to_pylist())
    found |= set(store.lake.read("turns", ["recording"])["recording"].to_pylist())
    return frozenset(bytes.fromhex(recording) for recording in found)


def _named(item: Input, found: Found) -> Found:
    """Names a file as it was given here, where a worker had its whole path."""
    file = item.place if item.remote else readable(Path(item.place))
    return replace(found, outcome=replace(found.outcome, file=file))


def _absolute(item: Input) -> Input:
    return item if item.remote else Input(str(Path(item.place).absolute()))


def _lost(item: Input, engine: str, error: Exception) -> Found:
    return failed(Path(item.name), readable(item.name), None, engine, "analyse", error)
