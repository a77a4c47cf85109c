"""The child process that decodes: what a hostile file may cost is one child and a sentence."""

import io
import json
import struct
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import numpy as np
import psutil
import pytest

from core.audio import workers
from core.audio.child import Child
from core.audio.decode import open_audio
from core.audio.wire import HEADER, Kind
from core.errors import AudioError, Cancelled, SettingsError
from core.settings import PROJECT_ROOT, DecodingLimits, decoding_limits
from tests.synthetic import silence, tone, write

LIMITS = DecodingLimits()


def count(path, limits=None) -> int:
    with open_audio(path, limits=limits) as audio:
        return sum(map(len, audio.samples()))


@pytest.fixture
def talk(tmp_path):
    return write(tmp_path / "talk.wav", tone(2.0))


@pytest.fixture
def pool(monkeypatch):
    """A pool of its own, so that a test sees its children come and go."""
    own = workers.Pool()
    monkeypatch.setattr("core.audio.decode.POOL", own)
    yield own
    own.close()


@pytest.fixture
def stand_in(monkeypatch, pool):
    """Runs other code in place of the child."""

    def use(code: str) -> None:
        monkeypatch.setattr(workers, "_COMMAND", [sys.executable, "-c", code])

    return use


def test_one_child_serves_one_file_after_the_other(pool, talk, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound" * 100)
    count(talk)
    (first,) = pool._idle
    for _ in range(3):
        assert count(talk) == 32_000
        with pytest.raises(AudioError):
            count(bad)
        with open_audio(talk):
            pass
    assert pool._idle == [first]


def test_child_is_replaced_after_many_files(pool, talk, monkeypatch):
    monkeypatch.setattr(workers, "MOST_FILES", 2)
    count(talk)
    (first,) = pool._idle
    count(talk)
    assert pool._idle == []
    assert not first.running


def test_reading_may_be_broken_off(pool, talk):
    def read_a_little():
        with open_audio(talk) as audio:
            next(audio.samples())
            raise Cancelled("Stopped by the user.")

    with pytest.raises(Cancelled):
        read_a_little()
    assert pool._idle == []
    assert count(talk) == 32_000


def test_samples_come_once(talk):
    with open_audio(talk) as audio:
        list(audio.samples())
        with pytest.raises(AudioError, match="was read already"):
            list(audio.samples())


def test_threads_do_not_get_in_each_others_way(pool, tmp_path):
    paths = [write(tmp_path / f"{n}.wav", tone(1 + n / 10)) for n in range(6)]
    found = {}

    def read(n):
        for _ in range(3):
            found[n] = count(paths[n])

    threads = [threading.Thread(target=read, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: 16_000 + 1_600 * n for n in range(6)}
    assert len(pool._idle) <= workers.MOST_IDLE


def test_crash_of_the_decoder_is_a_sentence_and_the_next_file_is_read(
    pool, talk, stand_in, monkeypatch
):
    command = list(workers._COMMAND)
    stand_in("import os; input(); os.kill(os.getpid(), 11)")
    with pytest.raises(AudioError, match=r"'talk.wav' cannot be decoded \(the decoder crashed"):
        count(talk)
    monkeypatch.setattr(workers, "_COMMAND", command)
    assert count(talk) == 32_000


def test_decoder_that_says_nothing_is_ended(talk, stand_in):
    stand_in("import time; time.sleep(60)")
    with pytest.raises(AudioError, match=r"nothing came of it for 0\.5 s"):
        count(talk, replace(LIMITS, stall_s=0.5))


def test_decoder_that_stops_in_the_middle_is_ended(talk, stand_in):
    stand_in("import os, time; os.write(1, b'I' + b'abc'); time.sleep(60)")
    with pytest.raises(AudioError, match="nothing came of it"):
        count(talk, replace(LIMITS, stall_s=0.5))


def test_decoder_that_only_computes_is_ended_by_the_kernel():
    """Also when no parent is there any more to watch it."""
    code = (
        "import io, core.audio.child as c; from core.settings import DecodingLimits as L\n"
        "c.Child(io.BytesIO(), io.BytesIO(), L(stall_s=1.0))._allow_time(0.0)\n"
        "while True: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, timeout=60)
    assert done.returncode == -24  # SIGXCPU


def test_decoder_that_eats_memory_is_ended(talk, stand_in):
    stand_in(
        "import sys, core.audio.child as c\n"
        "class Eats(c.Child):\n"
        "    def _answer(self, request): bytearray(3 << 30)\n"
        "c.Child = Eats\n"
        "c.main()"
    )
    with pytest.raises(AudioError, match="needs more than 2 GB of memory"):
        count(talk)


def test_what_a_library_prints_does_no_harm(talk, stand_in):
    stand_in(
        "import os, core.audio.child as c\n"
        "class Talks(c.Child):\n"
        "    def _answer(self, request): os.write(1, b'hello'); super()._answer(request)\n"
        "c.Child = Talks\n"
        "c.main()"
    )
    assert count(talk) == 32_000


def test_recording_that_goes_on_for_too_long_is_refused(tmp_path):
    path = write(tmp_path / "long.flac", silence(20))
    assert count(path, replace(LIMITS, max_duration_s=21)) == 320_000
    with pytest.raises(AudioError, match=r"'long.flac' goes on for more than 0.005 h.*into parts"):
        count(path, replace(LIMITS, max_duration_s=18))


def test_longest_recording_is_a_setting(monkeypatch):
    monkeypatch.setenv("TONESCOPE_MAX_HOURS", "2.5")
    assert decoding_limits().max_duration_s == 9_000
    for wrong in ("many", "-1", "0", "nan", "inf"):
        monkeypatch.setenv("TONESCOPE_MAX_HOURS", wrong)
        with pytest.raises(SettingsError, match="no number of hours"):
            decoding_limits()


def test_header_that_promises_more_than_there_is_costs_no_memory(tmp_path):
    """A WAV of 200 bytes that declares 255 channels, 4 GB of data and a high rate."""
    head = struct.pack("<HHIIHH", 1, 255, 192_000, 192_000 * 510, 510, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", 2**32 - 1)
    path = tmp_path / "bomb.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 2**32 - 1) + body + bytes(200))
    with pytest.raises(AudioError, match=r"bomb\.wav"):
        count(path)


def test_children_end_with_their_parent(talk):
    code = (
        "import sys; from pathlib import Path; from core.audio import workers\n"
        "from core.audio.decode import open_audio\n"
        "with open_audio(Path(sys.argv[1])) as a: list(a.samples())\n"
        "print(workers.POOL._idle[0]._process.pid, flush=True); import os; os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, talk], cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    try:
        psutil.Process(int(done.stdout)).wait(timeout=10)
    except psutil.NoSuchProcess:
        return


def test_child_answers_by_the_protocol(talk):
    """The same code in this process: what goes over the wire, message by message."""
    lines = [{"path": str(talk), "channel": None, "name": "x"}, {"do": "samples"}]
    lines += [{"path": "nowhere.wav", "channel": None, "name": "y"}]
    requests = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    answers = io.BytesIO()
    child = Child(requests, answers, LIMITS)
    child._allow_time = lambda done_s: None
    child.serve()
    kinds, data = [], answers.getvalue()
    samples = b""
    while data:
        kind, n_bytes = HEADER.unpack_from(data)
        kinds.append(Kind(kind))
        content, data = data[HEADER.size : HEADER.size + n_bytes], data[HEADER.size + n_bytes :]
        samples += content if Kind(kind) is Kind.SAMPLES else b""
    assert kinds == [Kind.INFO, Kind.SAMPLES, Kind.SAMPLES, Kind.END, Kind.ERROR]
    np.testing.assert_allclose(np.frombuffer(samples, np.float32), tone(2.0), atol=1e-4)


def test_limits_travel_to_the_child():
    assert DecodingLimits(**json.loads(json.dumps(asdict(LIMITS)))) == LIMITS
