"""The faster way through emotion2vec against FunASR's `generate`, on real recordings."""

import numpy as np
import pytest

from core.audio.decode import SAMPLE_RATE, open_audio
from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.funasr_loader import generate
from core.engines.parity import TOLERANCE, compared
from core.settings import PROJECT_ROOT
from tests.emotion2vec import write_directory

FIXTURES = PROJECT_ROOT.parent / "shared" / "data" / "fixtures"
CUTS = (  # file, start and length in seconds
    ("emotion_clips/emodb_angry_09b02Wc.wav", 0.3, 1.0),
    ("emotion_clips/cremad_sad_1045_IWL_SAD_XX.flac", 0.0, 2.1),
    ("long/timeline_emodb_composite.mp3", 7.0, 9.97),
    ("long/columbia_speech_198s_stereo44k.wma", 60.0, 30.0),
)

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not FIXTURES.is_dir(), reason="the recordings beside the project are not there"
    ),
]


def cut(name: str, start_s: float, seconds: float) -> np.ndarray:
    """Returns a stretch of a recording, shape `(n_samples,)`."""
    with open_audio(FIXTURES / name) as audio:
        sound = np.concatenate(list(audio.samples()))
    first = round(start_s * SAMPLE_RATE)
    found = sound[first : first + round(seconds * SAMPLE_RATE)]
    assert len(found) == round(seconds * SAMPLE_RATE)
    return found


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    return [cut(*which) for which in CUTS]


@pytest.mark.parametrize(("seed", "n_cuts"), [(3, 4), (4, 3)])
def test_real_recordings_get_funasrs_own_answers(sounds, seed, n_cuts, tmp_path):
    pytest.importorskip("funasr")
    sounds = sounds[:n_cuts]
    engine = Emotion2vecEngine.load(write_directory(tmp_path / "model", seed=seed))
    assert engine._fast is not None, engine.remark
    answers = [generate(engine._model, sound) for sound in sounds]
    ours = [engine.run(sound[np.newaxis])[0] for sound in sounds]
    found = compared(answers, ours, engine._scores)
    assert max(found.scores, found.embeddings) <= TOLERANCE
    assert found.same_label
    # The recordings do differ in their answers: a path that ignored the sound would be found out.
    others = compared(answers, ours[1:] + ours[:1], engine._scores)
    assert max(others.scores, others.embeddings) > 10 * TOLERANCE
