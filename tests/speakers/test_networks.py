"""The networks against other implementations of them, and files that were changed."""

import shutil

import kaldi_native_fbank
import numpy as np
import pytest
import torch

from core.errors import EngineError
from core.speakers.model import SPEAKER_DIR, SUMS, WEIGHTS, model_id, speaker_model
from core.speakers.networks import LocalSpeakers, SpeakerNet, fbank, sinc_filters
from tests.synthetic import noise, speech_like


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_features_are_those_of_kaldi():
    samples = speech_like(1.3) + noise(1.3, level=0.01)
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 80
    kaldi = kaldi_native_fbank.OnlineFbank(options)
    kaldi.accept_waveform(16_000, samples.tolist())
    kaldi.input_finished()
    frames = np.stack([kaldi.get_frame(i) for i in range(kaldi.num_frames_ready)])
    ours = fbank(torch.from_numpy(samples)).numpy()
    np.testing.assert_allclose(ours, frames - frames.mean(axis=0), atol=5e-3)


@pytest.mark.filterwarnings("ignore")
def test_voice_network_is_that_of_funasr():
    pytest.importorskip("funasr")
    from funasr.models.campplus.model import CAMPPlus

    torch.manual_seed(0)
    theirs, ours = CAMPPlus().eval(), SpeakerNet().eval()
    state = theirs.state_dict()
    for name, value in state.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    theirs.load_state_dict(state)
    ours.load_state_dict({k.replace("xvector.dense.", "dense."): v for k, v in state.items()})
    features = torch.randn(2, 260, 80)
    with torch.inference_mode():
        torch.testing.assert_close(ours(features), theirs(features), atol=1e-4, rtol=1e-4)


def test_filters_let_through_what_lies_between_their_edges():
    low, band = torch.tensor([[250.0], [950.0]]), torch.tensor([[450.0], [950.0]])
    filters = sinc_filters(low, band)[:, 0].numpy().astype(np.float64)
    assert filters.shape == (4, 251)
    gain = np.abs(np.fft.rfft(filters, 16_000, axis=1))
    for row, (start, end) in enumerate([(300, 800), (1000, 2000)] * 2):
        inside, outside = gain[row, start + 100 : end - 100], gain[row, end + 200 :]
        assert inside.min() > 5 * outside.max()
    np.testing.assert_allclose(filters[:2], filters[:2, ::-1], atol=1e-6)
    np.testing.assert_allclose(filters[2:], -filters[2:, ::-1], atol=1e-6)


def test_local_network_answers_every_270_samples():
    with torch.inference_mode():
        scores = LocalSpeakers().eval()(torch.randn(1, 160_000))
    assert scores.shape == (1, 589, 7)
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(1, 589))


def test_model_loads_from_the_project_and_leaves_torch_as_it_was():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    model = speaker_model()
    assert model.model_id == model_id()
    voice = model.embed(speech_like(2.0))
    assert voice.shape == (192,)
    assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-5)
    assert model.embed(speech_like(0.1)).shape == (192,)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("damage", ["changed", "missing", "no sums", "other"])
def test_damaged_model_is_refused(tmp_path, damage):
    import hashlib

    folder = tmp_path / "speaker"
    shutil.copytree(SPEAKER_DIR, folder)
    if damage == "changed":
        (folder / WEIGHTS).write_bytes(b"\0" * 10)
    elif damage == "missing":
        (folder / WEIGHTS).unlink()
    elif damage == "no sums":
        (folder / SUMS).unlink()
    else:
        from safetensors.torch import save_file

        save_file({"voice.x": torch.zeros(1)}, folder / WEIGHTS)
        sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        (folder / SUMS).write_text(f"{sha256}  {WEIGHTS}\n")
    with pytest.raises(EngineError, match="restore data/models/speaker"):
        speaker_model(folder)
