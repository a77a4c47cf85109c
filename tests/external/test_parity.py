"""The faster way through emotion2vec against FunASR's `generate`, on real recordings."""

import numpy as np
import pytest

from core.audio.decode import SAMPLE_RATE, open_audio
from core.engines.compact import CompactEngine
from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.funasr_loader import generate
from core.engines.parity import TOLERANCE, compared
from core.settings import MODELS_DIR, PROJECT_ROOT
from tests.emotion2vec import config, write_directory

FIXTURES = PROJECT_ROOT.parent / "shared" / "data" / "fixtures"
CUTS = (  # file, start and length in seconds
    ("emotion_clips/emodb_angry_09b02Wc.wav", 0.3, 1.0),
    ("emotion_clips/cremad_sad_1045_IWL_SAD_XX.flac", 0.0, 2.1),
    ("long/timeline_emodb_composite.mp3", 7.0, 9.97),
    ("long/columbia_speech_198s_stereo44k.wma", 60.0, 30.0),
)

SMALL_LAYERS = (
    "[(24, 10, 5), (24, 7, 4), (16, 7, 4)] + [(32, 4, 4)]"  # bfloat16 is slow without AMX
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


@pytest.mark.parametrize(
    ("seed", "layers", "n_cuts"), [(5, None, 2), (6, SMALL_LAYERS, 4), (7, SMALL_LAYERS, 4)]
)
def test_in_bfloat16_real_recordings_keep_their_labels(sounds, seed, layers, n_cuts, tmp_path):
    pytest.importorskip("funasr")
    settings = config()
    if layers:
        settings["model_conf"]["modalities"]["audio"]["feature_encoder_spec"] = layers
    directory = write_directory(tmp_path / "model", seed=seed, settings=settings)
    exact = Emotion2vecEngine.load(directory)
    answers = [generate(exact._model, sound) for sound in sounds[:n_cuts]]
    rough = Emotion2vecEngine.load(directory, "bf16")
    assert (rough.precision, rough.remark) == ("bf16", None)
    ours = [rough.run(sound[np.newaxis])[0] for sound in sounds[:n_cuts]]
    found = compared(answers, ours, rough._scores)
    assert found.holds("bf16"), found
    assert found.cosine < 1 - 1e-9  # it is bfloat16


def test_in_bfloat16_compact_is_nearly_the_same_on_real_recordings(sounds):
    exact = CompactEngine.load(MODELS_DIR / "compact")
    rough = CompactEngine.load(MODELS_DIR / "compact", "bf16")
    answers, ours = [], []
    for sound in sounds[:3]:
        (frames,) = exact.run(sound[np.newaxis])
        answers.append({"scores": exact._scores(frames), "feats": frames.embeddings.mean(axis=0)})
        ours += rough.run(sound[np.newaxis])
    found = compared(answers, ours, exact._scores)
    assert found.near(), found
