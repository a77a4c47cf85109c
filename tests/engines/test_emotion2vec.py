"""emotion2vec on generated directories: FunASR's own scores, its labels by name, and what is refused."""

import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest

from core.emotions import EMOTIONS
from core.engines import funasr_loader
from core.engines.checkpoint import read_checkpoint
from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.funasr_loader import quiet_process
from core.engines.registry import Registry
from core.engines.windows import run_windowed
from core.errors import EngineError
from tests.emotion2vec import TOKENS, UNUSE, config, write_directory, write_texts
from tests.synthetic import speech_like

torch = pytest.importorskip("torch")
pytest.importorskip("funasr")


@pytest.fixture(scope="module")
def older_dir(tmp_path_factory):
    """A directory with `unuse_…` labels, as older revisions have."""
    return write_directory(tmp_path_factory.mktemp("older") / "model", UNUSE, prefix="", seed=3)


@pytest.fixture
def copy(emotion2vec_dir, tmp_path):
    """A copy of the generated directory, to be damaged."""
    return shutil.copytree(emotion2vec_dir, tmp_path / "model")


def funasr(directory):
    """Returns FunASR's own model of a directory, loaded as its documentation says."""
    with quiet_process():
        from funasr import AutoModel

        return AutoModel(model=str(directory), disable_update=True, disable_pbar=True, device="cpu")


def answer_of(model, sound) -> dict[str, float]:
    """Returns FunASR's own scores of a clip by the English name of each label."""
    with quiet_process():
        (answer,) = model.generate(sound, granularity="utterance", disable_pbar=True)
    names = ["unknown" if label == "<unk>" else label.split("/")[-1] for label in answer["labels"]]
    return dict(zip(names, answer["scores"], strict=True))


def scores_of(engine, sound) -> dict[str, float]:
    """Returns softmax(mean of the frames' logits) over the emotions that the engine has."""
    (frames,) = engine.run(sound[np.newaxis])
    mean = frames.logits.astype(np.float64).mean(axis=0)
    mean[~np.array(engine.class_mask)] = -np.inf
    raised = np.exp(mean - mean.max())
    scores = dict(zip(map(str, EMOTIONS), raised / raised.sum(), strict=True))
    return {name: s for (name, s), on in zip(scores.items(), engine.class_mask, strict=True) if on}


@pytest.mark.parametrize(
    ("which", "lengths_s"),
    [("emotion2vec_dir", (1.0, 2.777, 5.0, 11.1, 30.0)), ("older_dir", (1.0, 7.31, 30.0))],
)
def test_mean_of_the_frames_gives_funasrs_own_scores(which, lengths_s, request):
    directory = request.getfixturevalue(which)
    model, engine = funasr(directory), Emotion2vecEngine.load(directory)
    for seconds in lengths_s:
        sound = speech_like(seconds, seed=int(seconds))
        own, ours = answer_of(model, sound), scores_of(engine, sound)
        assert set(own) == set(ours)
        assert len(set(np.round(list(own.values()), 4))) > 1  # no even answer that proves nothing
        for name, score in own.items():
            assert ours[name] == pytest.approx(score, abs=1e-4), (seconds, name)


def test_embeddings_are_funasrs_frame_features(emotion2vec_dir):
    sound = speech_like(2.0)
    with quiet_process():
        (answer,) = funasr(emotion2vec_dir).generate(sound, granularity="frame", disable_pbar=True)
    (frames,) = Emotion2vecEngine.load(emotion2vec_dir).run(sound[np.newaxis])
    np.testing.assert_allclose(frames.embeddings, answer["feats"], atol=1e-4)


def test_recording_of_one_window_is_what_the_engine_answers(emotion2vec_dir):
    engine, sound = Emotion2vecEngine.load(emotion2vec_dir), speech_like(4.0)
    pieces = list(run_windowed(engine, np.array_split(sound, 7)))
    (whole,) = engine.run(sound[np.newaxis])
    np.testing.assert_array_equal(np.concatenate([p.logits for p in pieces]), whole.logits)


def test_labels_that_are_not_used_are_masked_and_finite(older_dir):
    engine = Emotion2vecEngine.load(older_dir)
    lacking = {"disgusted", "fearful", "other", "surprised"}
    assert {str(e) for e, on in zip(EMOTIONS, engine.class_mask, strict=True) if not on} == lacking
    (frames,) = engine.run(speech_like(1.0)[np.newaxis])
    assert (frames.logits[:, ~np.array(engine.class_mask)] == 0).all()


def test_labels_are_taken_by_name_not_by_position(emotion2vec_dir, tmp_path):
    order = [3, 0, 8, 1, 7, 2, 6, 5, 4]
    other = shutil.copytree(emotion2vec_dir, tmp_path / "model")
    tokens = [TOKENS[i] for i in order]
    (other / "tokens.txt").write_text("\n".join(tokens), "utf-8")
    table = torch.load(other / "model.pt", weights_only=True)
    for key in ("proj.weight", "proj.bias"):
        table["model"][key] = table["model"][key][order]
    torch.save(table, other / "model.pt")
    sound = speech_like(1.0)[np.newaxis]
    one, two = (Emotion2vecEngine.load(d).run(sound)[0] for d in (emotion2vec_dir, other))
    np.testing.assert_allclose(one.logits, two.logits, atol=1e-5)


def test_bfloat16_is_near_and_says_what_it_is(emotion2vec_dir):
    sound = speech_like(2.0)[np.newaxis]
    exact, rough = (Emotion2vecEngine.load(emotion2vec_dir, p) for p in ("fp32", "bf16"))
    assert (exact.precision, rough.precision) == ("fp32", "bf16")
    one, two = (e.run(sound)[0].embeddings for e in (exact, rough))
    cosine = (one * two).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert cosine.mean() > 0.99
    assert np.abs(one - two).max() > 1e-4
    with pytest.raises(EngineError, match="fp32, bf16"):
        Emotion2vecEngine.load(emotion2vec_dir, "fp8")


def test_engine_is_named_after_the_model_and_its_weights(copy, tmp_path):
    import hashlib

    digest = hashlib.sha256((copy / "model.pt").read_bytes()).hexdigest()[:12]
    assert Registry().load(str(copy)).engine_id == f"emotion2vec-{digest}"
    named = copy.rename(tmp_path / "emotion2vec_plus_base")
    assert Registry().load(str(named)).engine_id == f"emotion2vec_plus_base-{digest}"


def test_no_confidence_is_made_up(emotion2vec_dir):
    assert Emotion2vecEngine.load(emotion2vec_dir).temperatures is None


def test_decoder_may_be_missing(tmp_path):
    directory = write_directory(tmp_path / "model", decoder=False)
    assert Registry().verify(str(directory)).ok


@pytest.mark.parametrize("wanted", ["weights", "head", "scale"])
def test_missing_tensor_is_refused_by_name(copy, wanted):
    table = torch.load(copy / "model.pt", weights_only=True)
    key = {
        "weights": "d2v_model.blocks.1.attn.qkv.weight",
        "head": "proj.bias",
        "scale": "d2v_model.modality_encoders.AUDIO.alibi_scale",
    }[wanted]
    del table["model"][key]
    torch.save(table, copy / "model.pt")
    with pytest.raises(EngineError, match=key.removeprefix("d2v_model.")):
        Emotion2vecEngine.load(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[:-1], "expected is float of shape"),
        (lambda t: t.to(torch.int64), "expected is float"),
        (lambda t: t.fill_(float("nan")), "no numbers"),
    ],
)
def test_odd_tensor_is_refused(copy, change, words):
    table = torch.load(copy / "model.pt", weights_only=True)
    table["model"]["proj.weight"] = change(table["model"]["proj.weight"])
    torch.save(table, copy / "model.pt")
    with pytest.raises(EngineError, match=words):
        Emotion2vecEngine.load(copy)


def test_half_precision_weights_are_taken(copy, emotion2vec_dir):
    table = torch.load(copy / "model.pt", weights_only=True)
    table["model"] = {key: value.half() for key, value in table["model"].items()}
    torch.save(table, copy / "model.pt")
    sound = speech_like(1.0)[np.newaxis]
    one, two = (Emotion2vecEngine.load(d).run(sound)[0] for d in (copy, emotion2vec_dir))
    np.testing.assert_allclose(one.logits, two.logits, atol=0.05 * np.abs(two.logits).max())


class Harm:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "old", "plain"])
def test_code_in_the_weights_is_refused_and_never_run(copy, tmp_path, form, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # a way round for `torch.load`
    table = torch.load(copy / "model.pt", weights_only=True) | {"extra": Harm(tmp_path / "harm")}
    if form == "plain":
        (copy / "model.pt").write_bytes(pickle.dumps(table["extra"]))
    else:
        new = form == "zip"
        torch.save(table, copy / "model.pt", _use_new_zipfile_serialization=new)
    verification = Registry().verify(str(copy))
    assert not verification.ok
    assert "nothing of it was run" in verification.reason
    assert not (tmp_path / "harm").exists()


def test_damaged_weights_are_refused(copy):
    data = (copy / "model.pt").read_bytes()
    for damaged in (b"", b"no weights", data[: len(data) // 2], data[:-1000]):
        (copy / "model.pt").write_bytes(damaged)
        with pytest.raises(EngineError) as caught:
            Emotion2vecEngine.load(copy)
        assert "fetch the model again" in str(caught.value)


def test_compressed_weights_are_refused(copy):
    with zipfile.ZipFile(copy / "model.pt") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(copy / "model.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    with pytest.raises(EngineError, match="compressed"):
        Emotion2vecEngine.load(copy)


def test_weights_are_read_in_every_nesting(copy):
    flat = torch.load(copy / "model.pt", weights_only=True)["model"]
    for table in (flat, {"state_dict": flat}, {"model_state_dict": flat, "epoch": 3}):
        torch.save(table, copy / "model.pt")
        _, tensors = read_checkpoint(copy / "model.pt")
        assert set(tensors) == set(flat)


def test_head_that_does_not_fit_the_tokens_is_refused(copy):
    (copy / "tokens.txt").write_text("\n".join(TOKENS[:8]), "utf-8")
    with pytest.raises(EngineError, match=r"proj\.weight"):
        Emotion2vecEngine.load(copy)


def test_directory_that_passed_is_ready_until_a_file_changes(emotion2vec_dir, tmp_path):
    name = "emotion2vec_plus_seed"
    shutil.copytree(emotion2vec_dir, tmp_path / name)
    registry = Registry(fetched_dir=tmp_path)

    def info():
        return next(i for i in registry.list() if i.name == name)

    assert not info().ready
    assert "verify it" in info().reason
    assert registry.verify(name).ok
    assert info().ready
    assert info().engine_id == registry.load(name).engine_id
    assert (info().dims, info().reason) == (64, None)
    with (tmp_path / name / "model.pt").open("ab") as file:
        file.write(b"x")
    assert not info().ready


def test_engine_that_answers_otherwise_than_funasr_does_not_pass(emotion2vec_dir, monkeypatch):
    generate, other = funasr_loader.generate, {"scores": [1.0] + [0.0] * 8}
    monkeypatch.setattr(
        funasr_loader, "generate", lambda model, sound: generate(model, sound) | other
    )
    found = Registry().verify(str(emotion2vec_dir))
    assert not found.ok
    assert "does not answer what FunASR answers" in found.reason


def test_settings_funasr_does_not_take_are_explained(copy):
    settings = config()
    del settings["model_conf"]["mlp_ratio"]
    write_texts(copy, settings)
    with pytest.raises(EngineError, match="FunASR cannot build the model"):
        Emotion2vecEngine.load(copy)
