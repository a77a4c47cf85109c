"""The small files of an emotion2vec directory: what passes, and what a stranger may not say in them."""

import json
import sys

import pytest
import yaml

from core.emotions import Emotion
from core.engines.emotion2vec_files import read_files
from core.engines.emotion2vec_spec import check_layers, classes_of
from core.engines.registry import Registry, is_emotion2vec
from core.errors import EngineError
from tests.emotion2vec import SPEC, TOKENS, UNUSE, config, metas, write_texts


@pytest.fixture
def directory(tmp_path):
    """A directory whose small files are sound; its weights are not looked into here."""
    write_texts(tmp_path / "model")
    (tmp_path / "model" / "model.pt").write_bytes(b"weights")
    return tmp_path / "model"


def refused(directory, words):
    with pytest.raises(EngineError, match=words) as caught:
        read_files(directory)
    assert len(str(caught.value).splitlines()) == 1


def test_published_layers_are_read_as_python_would():
    layers = [(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2
    assert check_layers(SPEC) == layers
    assert check_layers("[(512, 10, 5)] + 4 * [(512, 3, 2)] + [(512, 2, 2), (512, 2, 2)]") == layers


@pytest.mark.parametrize(
    "spec",
    [
        "__import__('os').mkdir('harm')",
        "[(512, 10, 5)] + [().__class__]",
        "[(512, 10, 5) for _ in range(9)]",
        "[(512, 10, 5)] * 10 ** 9",
        "[(512, 10, 5)] * 1000000000",
        "[(512, 10, 5)] * 16 * 16 * 16",
        "[(512, 10, -5)]",
        "[(512, 10, 5.0)]",
        "[(True, 10, 5)]",
        "[(512, 10)]",
        "[[512, 10, 5]]",
        "[(512, 10, 5)] - []",
        "lambda: 1",
        "f'{1}'",
        "(" * 400,
        "[(512, 10, 5)",
        "x" * 10_000,
        "[]",
        "[(512, 10, 5)]",
        "",
        7,
        None,
    ],
)
def test_layers_that_are_more_than_numbers_are_refused(spec, directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = config()
    settings["model_conf"]["modalities"]["audio"]["feature_encoder_spec"] = spec
    write_texts(directory, settings)
    refused(directory, "feature_encoder_spec")
    assert not (tmp_path / "harm").exists()


def test_every_name_of_an_emotion_is_known():
    assert classes_of(TOKENS) == tuple(Emotion)
    assert classes_of(UNUSE).count(None) == 4
    assert classes_of(("angry", "难过", "Neutral/中立")) == (
        Emotion.ANGRY,
        Emotion.SAD,
        Emotion.NEUTRAL,
    )


@pytest.mark.parametrize(
    "tokens",
    [
        ("生气/angry", "生气/angry"),
        ("生气/angry", "angry"),
        ("bored",),
        ("生气/sad",),
        ("unuse_0",),
        (),
        TOKENS + tuple(f"unuse_{i}" for i in range(60)),
    ],
)
def test_tokens_that_name_no_emotion_or_one_twice_are_refused(directory, tokens):
    (directory / "tokens.txt").write_text("\n".join(tokens), "utf-8")
    refused(directory, r"tokens\.txt")


@pytest.mark.parametrize("name", ["config.yaml", "tokens.txt", "model.pt"])
def test_missing_file_is_named(directory, name):
    (directory / name).unlink()
    refused(directory, f"no file {name}")


def test_directory_works_without_modelscopes_own_file(directory):
    (directory / "configuration.json").unlink()
    assert read_files(directory).n_dims == 64


@pytest.mark.parametrize("name", ["config.yaml", "tokens.txt", "model.pt", "configuration.json"])
def test_link_out_of_the_directory_is_not_followed(directory, tmp_path, name):
    (directory / name).rename(tmp_path / name)
    (directory / name).symlink_to(tmp_path / name)
    refused(directory, "outside its directory")


@pytest.mark.parametrize("name", ["config.yaml", "tokens.txt", "configuration.json"])
def test_endless_file_is_refused(directory, name):
    with (directory / name).open("ab") as file:
        file.truncate(1 << 20)
    refused(directory, "larger than")


@pytest.mark.parametrize("where", ["../../etc/passwd", "/etc/passwd", "x/../../y"])
def test_path_out_of_the_directory_is_refused(directory, where):
    for changed in ({"init_param": where}, {"tokenizer_conf": {"token_list": [where]}}):
        table = metas() | {"file_path_metas": changed}
        (directory / "configuration.json").write_text(json.dumps(table))
        refused(directory, r"configuration\.json points to")


@pytest.mark.parametrize("file", ["configuration.json", "config.yaml"])
@pytest.mark.parametrize("key", ["remote_code", "trust_remote_code", "plugins", "allow_remote"])
def test_code_of_its_own_is_refused(directory, file, key):
    if file == "config.yaml":
        (directory / file).write_text(yaml.safe_dump(config() | {"extra": [{key: "model.py"}]}))
    else:
        (directory / file).write_text(json.dumps(metas() | {"model": {key: "./model.py"}}))
    refused(directory, f"asks for code of its own .{key}")


@pytest.mark.parametrize(
    "text",
    [
        "model: !!python/object/apply:os.mkdir [harm]",
        "a: &a [*a]",
        "a: &a [1, 2]\nb: [*a, *a]",
        "[" * 5_000,
        "model: [",
        "\x00",
        "7",
        "model: Paraformer",
        "model: Emotion2vec",
        "model: Emotion2vec\nmodel_conf: 7",
        "model: Emotion2vec\nmodel_conf: {depth: 2}",
    ],
)
def test_config_that_is_no_plain_table_of_a_model_is_refused(directory, text, monkeypatch):
    monkeypatch.chdir(directory)
    (directory / "config.yaml").write_text(text)
    refused(directory, r"config\.yaml")
    assert not (directory / "harm").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("embed_dim", 10**9),
        ("depth", 10**9),
        ("depth", True),
        ("num_heads", 0),
        ("embed_dim", 8.5),
        ("norm_eps", float("inf")),
        ("loss_scale", "${oc.env:HOME}"),
        ("loss_scale", "x" * 1_000),
    ],
)
def test_setting_that_no_model_has_is_refused(directory, key, value):
    settings = config()
    settings["model_conf"][key] = value
    write_texts(directory, settings)
    refused(directory, key)


def test_number_without_a_dot_is_a_number_as_for_funasr(directory):
    text = (directory / "config.yaml").read_text().replace("norm_eps: 1.0e-05", "norm_eps: 1e-5")
    (directory / "config.yaml").write_text(text)
    assert read_files(directory).model_conf["norm_eps"] == 1e-5


@pytest.mark.parametrize("scope", [["a", "b"], ["a"], "d2v_model.,none", [1, "none"], {"a": "b"}])
def test_renaming_of_tensors_that_is_not_understood_is_refused(directory, scope):
    write_texts(directory, config() | {"scope_map": scope})
    refused(directory, "scope_map")


def test_form_of_a_directory_is_told(directory, tmp_path):
    assert is_emotion2vec(directory)
    assert not is_emotion2vec(tmp_path)
    (directory / "SHA256SUMS").write_text("")
    assert not is_emotion2vec(directory)


def test_engines_that_are_not_there_say_how_to_get_them(tmp_path):
    registry = Registry(fetched_dir=tmp_path)
    infos = {info.name: info for info in registry.list()}
    assert set(infos) == {
        "compact",
        "emotion2vec_plus_seed",
        "emotion2vec_plus_base",
        "emotion2vec_plus_large",
    }
    assert infos["emotion2vec_plus_large"].dims == 1024
    for name in infos.keys() - {"compact"}:
        assert "fetch it once" in infos[name].reason
        with pytest.raises(EngineError, match=f"engines fetch {name}"):
            registry.load(name)
        assert "engines fetch" in registry.verify(name).reason


def test_damaged_engine_is_listed_with_the_reason(directory, tmp_path):
    directory.rename(tmp_path / "emotion2vec_plus_base")
    (tmp_path / "emotion2vec_plus_base" / "tokens.txt").write_text("bored")
    infos = {info.name: info for info in Registry(fetched_dir=tmp_path).list()}
    assert not infos["emotion2vec_plus_base"].ready
    assert "bored" in infos["emotion2vec_plus_base"].reason


def test_listing_and_reading_the_small_files_loads_nothing_heavy(directory, tmp_path):
    import subprocess

    directory.rename(tmp_path / "emotion2vec_plus_base")
    script = (
        "import sys; from pathlib import Path; from core.engines.registry import Registry;"
        "print([i.reason for i in Registry(fetched_dir=Path(sys.argv[1])).list()]);"
        "sys.exit(any(n in sys.modules for n in ('torch', 'funasr', 'modelscope')))"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "verify it" in done.stdout
