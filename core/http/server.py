"""The routes: predictions, recordings, jobs, search, engines."""

import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import fastapi
from fastapi import FastAPI, File, Form, Query, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core import answers
from core.answers import Granularity
from core.api import Tonescope
from core.errors import Cancelled, ConsentError, SettingsError, StoreError, TonescopeError
from core.export.pseudonyms import Pseudonyms
from core.http import listing
from core.http.guard import Guard, Limits
from core.http.shapes import (
    ENGINE,
    HIT,
    PREDICTION,
    Accepted,
    Health,
    JobState,
    RecordingPage,
    SegmentList,
    by_contract,
    problems,
)
from core.jobs import JobQueue, Request
from core.plain import file_stem, one_line
from core.records import Metadata, Span
from core.store import consent
from core.store.consent import Use
from core.timeline.track import Timeline
from core.version import VERSION

Digits = Annotated[
    str, fastapi.Path(pattern="^[0-9a-f]{4,64}$", description="SHA-256 or its first digits")
]
Seconds = Annotated[float, Query(ge=0, le=1e6)]
Text = Annotated[str | None, Form(max_length=200)]
Engine = Annotated[str, Form(max_length=200, description="a name that `/v1/engines` lists")]


def application(
    scope: Tonescope,
    token: str | None = None,
    limits: Limits | None = None,
    engines: Collection[str] = (),
    jobs: JobQueue | None = None,
) -> FastAPI:
    """Returns the ASGI application.

    Args:
        scope: engines and the store.
        token: what each request must carry, or None where only this machine may ask.
        limits: what the server takes.
        engines: names that may be asked for besides those that the registry lists.
        jobs: the queue of whoever mounts the application beside something else, and closes it.
    """
    bounds = limits or Limits()
    queue = jobs or JobQueue()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(
        title="Tonescope",
        version=VERSION,
        description="How recorded speech sounds to an engine, over time.",
        lifespan=lifespan,
    )
    app.add_middleware(Guard, limits=bounds, token=token)
    _say_what_failed(app)
    names = [*(info.name for info in scope.registry.list()), *engines]
    _add_analysis(app, scope, queue, bounds, names)
    _add_reading(app, scope)
    return app


def _add_analysis(
    app: FastAPI, scope: Tonescope, jobs: JobQueue, limits: Limits, engines: Collection[str]
) -> None:
    # Few threads of their own: each that ever ran a model keeps OpenMP threads and memory for it.
    threads = ThreadPoolExecutor(max(1, limits.predictions), "tonescope-predict")

    @app.post(
        "/v1/predict",
        responses={200: by_contract("predict", PREDICTION), **problems(408, 413, 422)},
    )
    def predict(
        file: Annotated[UploadFile, File(description="a file of sound")],
        granularity: Annotated[Granularity, Form()] = Granularity.UTTERANCE,
        engine: Engine = "compact",
    ) -> JSONResponse:
        """Says how a file sounds, and stores nothing."""
        _known(engine, engines)
        until_s = time.monotonic() + limits.answer_s

        def progress(share: float) -> None:
            if time.monotonic() > until_s:
                raise Cancelled(
                    f"This takes longer than {limits.answer_s:g} s ({share:.0%} are done); hand "
                    "the recording in by POST /v1/recordings."
                )

        with tempfile.TemporaryDirectory(prefix="tonescope-") as folder:
            path = Path(folder) / _safe(file.filename)
            with path.open("wb") as draft:
                shutil.copyfileobj(file.file, draft, 1 << 20)
            consent.check_file(scope.folder, path, Use.ANALYSE)
            work = threads.submit(lambda: scope.pipeline(engine).predict(path, progress))
            found = work.result()
        answer = answers.prediction(Timeline(found.track), found.segments, granularity)
        return JSONResponse(answer)

    @app.post(
        "/v1/recordings",
        status_code=202,
        response_model=Accepted,
        responses=problems(408, 413, 422),
    )
    def hand_in(
        file: Annotated[UploadFile, File(description="a file of sound")],
        session: Text = None,
        speaker: Text = None,
        tags: Annotated[str, Form(max_length=1000, description="separated by commas")] = "",
        engine: Engine = "compact",
    ) -> Any:
        """Takes a recording into the store, where a job analyses it."""
        _known(engine, engines)
        if sum(not view.finished for view in jobs.views()) >= limits.jobs:
            raise HTTPException(429, "Too many jobs are waiting; try again when some are done.")
        said = tuple(text for part in tags.split(",") if (text := one_line(part, 100)))
        metadata = Metadata(_line(session), _line(speaker), tags=said)
        request = Request(_received(scope, file), _name(file.filename), keep=True, discard=True)
        return {
            "job": jobs.submit(partial(scope.pipeline, engine), scope.store, [request], metadata)
        }

    @app.get("/v1/jobs/{job}", response_model=JobState, responses=problems(404, 422))
    def job(job: str) -> Any:
        """Says how a job stands."""
        view = jobs.view(job)
        if view is None:
            raise HTTPException(404, f"There is no job {one_line(job, 40)!r}; it may be long done.")
        outcomes = [answers.outcome(f.outcome) for f in view.files if f.outcome]
        for line in outcomes:  # where the upload lay for a while is nobody's business
            line["file"] = view.files[0].name
        told = {"job": view.job, "state": view.state, "done": view.done, "total": len(view.files)}
        return told | {"eta_s": view.eta_s, "files": outcomes}


def _add_reading(app: FastAPI, scope: Tonescope) -> None:
    @app.get("/v1/recordings", response_model=RecordingPage, responses=problems(422))
    def recordings(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Any:
        """Lists recordings with their newest analysis, the newest first."""
        return listing.recordings(scope.store, limit, offset)

    @app.get(
        "/v1/recordings/{recording}/segments",
        response_model=SegmentList,
        responses=problems(404, 422),
    )
    def segments(recording: Digits) -> Any:
        """Lists the segments of a recording's newest analysis."""
        return listing.segments(scope.store, recording)

    @app.get(
        "/v1/similar",
        responses={200: by_contract("similar", [HIT], many=True), **problems(404, 422)},
    )
    def similar(
        recording: Annotated[str, Query(pattern="^[0-9a-f]{4,64}$")],
        start_s: Seconds,
        end_s: Seconds,
        k: Annotated[int, Query(ge=1, le=1000)] = 10,
        other_recordings: bool = False,
        other_speakers: bool = False,
    ) -> JSONResponse:
        """Finds the same tone as in a region elsewhere in the corpus."""
        where = Span(start_s, end_s)
        known = scope.store.recording(recording).recording
        consent.check(scope.store, known, Use.PUBLISH)
        found = scope.similar(
            known, where, k, other_recordings=other_recordings, other_speakers=other_speakers
        )
        held, names = consent.withheld(scope.store, Use.PUBLISH), Pseudonyms(scope.store)
        hits = [h for h in found if h.recording not in held]
        return JSONResponse(
            [answers.similar(h) | {"speaker": names.heard(h.recording, h.speaker)} for h in hits]
        )

    @app.get(
        "/v1/engines", responses={200: by_contract("engines", [ENGINE], many=True), **problems()}
    )
    def engines() -> JSONResponse:
        """Lists the engines of this machine."""
        return JSONResponse([vars(info) for info in scope.registry.list()])

    @app.get("/healthz", response_model=Health)
    def health() -> Any:
        """Answers whether the server does."""
        return {"ok": True}


def _say_what_failed(app: FastAPI) -> None:
    @app.exception_handler(TonescopeError)
    def told(_: fastapi.Request, error: TonescopeError) -> JSONResponse:
        if isinstance(error, Cancelled):
            return _problem(413, str(error))
        if isinstance(error, ConsentError):
            return _problem(403, str(error))
        missing = isinstance(error, StoreError) and str(error).startswith("There is no")
        return _problem(404 if missing else 422, str(error))

    @app.exception_handler(RequestValidationError)
    def unreadable(_: fastapi.Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        return _problem(422, f"{one_line(where, 100)}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    def refused(_: fastapi.Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 429:
            headers["Retry-After"] = "10"
        return _problem(error.status_code, str(error.detail), headers)


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers)


def _known(engine: str, engines: Collection[str]) -> None:
    """Lets pass the name of an engine; a path of the server's disk is none."""
    if engine not in engines:
        raise SettingsError(
            f"There is no engine {one_line(engine, 80)!r} here; choose one of {', '.join(engines)}."
        )


def _received(scope: Tonescope, file: UploadFile) -> Path:
    incoming = scope.store.root / "incoming"
    path = incoming / secrets.token_hex(16)
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as draft:
            shutil.copyfileobj(file.file, draft, 1 << 20)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(
            f"The upload could not be written ({error.strerror}); the store's disk may be full."
        ) from error
    return path


def _name(given: str | None) -> str:
    return one_line((given or "").replace("\\", "/").rpartition("/")[2], 200) or "recording"


def _safe(given: str | None) -> str:
    """Returns a name for a file of our own that shows in sentences: no folder, no odd sign."""
    name = _name(given)
    suffix = "".join(c for c in Path(name).suffix if c.isascii() and c.isalnum())[:8]
    stem = file_stem(name).encode("ascii", "replace").decode().replace("?", "_")
    return f"{stem}.{suffix}" if suffix else stem


def _line(text: str | None) -> str | None:
    return one_line(text, 200) or None if text else None
