"""Makes the sample recordings, which are synthetic speech and no person's voice.

    python data/samples/make.py        needs espeak-ng (https://github.com/espeak-ng/espeak-ng)

Each line is spoken with a pitch, a rate and a loudness of its own, so that the timeline has something
to follow. The two voices of the call differ as much as those of two people, so that speakers can be
told apart in it: most voices of espeak-ng do not. What emotion an engine hears in them is its own
affair: nobody felt anything.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

FOLDER = Path(__file__).resolve().parent
RATE = 22_050
PAUSE_S = 0.7


@dataclass(frozen=True)
class Line:
    """One spoken line.

    Attributes:
        voice: of espeak-ng.
        pitch: 0 to 99.
        words_a_minute: 80 to 450.
        loudness: 0 to 200.
    """

    text: str
    voice: str
    pitch: int
    words_a_minute: int
    loudness: int


SAMPLES = {
    "synthetic_phone_call.mp3": (
        Line(
            "Good morning, this is the service desk. How can I help you?",
            "en-us+grandma",
            55,
            165,
            90,
        ),
        Line("Hello. My parcel was meant to be here on Monday.", "en-us+m3", 38, 150, 85),
        Line(
            "I have waited for four days, and nobody answers the phone!", "en-us+m3", 60, 210, 160
        ),
        Line("I am sorry to hear that. Let me look at once.", "en-us+grandma", 45, 140, 70),
        Line("You said that last time! And the time before that!", "en-us+m3", 72, 235, 180),
        Line("I can see it here. It left our depot this morning.", "en-us+grandma", 52, 165, 90),
        Line("Oh. So it will come today?", "en-us+m3", 62, 170, 110),
        Line("Yes, this afternoon, between two and four.", "en-us+grandma", 68, 185, 115),
        Line("Wonderful, that is really good news. Thank you so much!", "en-us+m3", 75, 200, 140),
    ),
    "synthetic_diary.mp3": (
        Line("It is Sunday evening, and the house is quiet.", "en-gb+f4", 30, 110, 60),
        Line("I went through the old photographs again.", "en-gb+f4", 24, 100, 55),
        Line("Some of the faces I can no longer name.", "en-gb+f4", 20, 95, 50),
        Line("Then the door bell rang, quite suddenly.", "en-gb+f4", 60, 180, 110),
        Line("And there she was, after all these years!", "en-gb+f4", 85, 215, 150),
        Line("We talked until it was dark.", "en-gb+f4", 45, 145, 80),
    ),
}


def spoken(line: Line) -> np.ndarray:
    """Returns a line as int16 samples at 22,050 Hz, shape `(n_samples,)`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        settings = ["-v", line.voice, "-p", str(line.pitch), "-s", str(line.words_a_minute)]
        command = ["espeak-ng", *settings, "-a", str(line.loudness), "-w", str(path), line.text]
        subprocess.run(command, check=True)
        with av.open(str(path)) as container:
            parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate(parts).astype(np.int16)


def write_mp3(path: Path, samples: np.ndarray) -> None:
    """Writes int16 samples, shape `(n_samples,)`, as an MP3 of 48 kbit/s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", bit_rate=48_000)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16p", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Writes every sample next to this file."""
    rng = np.random.default_rng(0)
    pause = np.zeros(round(PAUSE_S * RATE), np.int16)
    for name, lines in SAMPLES.items():
        joined = np.concatenate(
            [part for line in lines for part in (pause, spoken(line))] + [pause]
        )
        room = rng.normal(0, 12, len(joined))
        write_mp3(FOLDER / name, np.clip(joined + room, -32768, 32767).astype(np.int16))


if __name__ == "__main__":
    main()
