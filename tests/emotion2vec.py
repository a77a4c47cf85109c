"""Directories of the real emotion2vec architecture with random weights: their answers mean nothing."""

import json
from pathlib import Path
from typing import Any

import yaml

TOKENS = (
    "生气/angry", "厌恶/disgusted", "恐惧/fearful", "开心/happy", "中立/neutral",
    "其他/other", "难过/sad", "吃惊/surprised", "<unk>",
)  # fmt: skip
UNUSE = (  # as in older revisions (ddlBoJack/emotion2vec#45)
    "生气/angry", "unuse_0", "unuse_1", "开心/happy", "中立/neutral",
    "unuse_2", "难过/sad", "unuse_3", "<unk>",
)  # fmt: skip
SPEC = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"


def config(embed_dim: int = 64, depth: int = 2, heads: int = 4, prenet: int = 1) -> dict[str, Any]:
    """Returns settings as published, with the dimensions of a very small model."""
    decoder = {
        "decoder_dim": 32, "decoder_groups": 16, "decoder_kernel": 7, "decoder_layers": 1,
        "input_dropout": 0.1,
        "add_positions_masked": False, "add_positions_all": False, "decoder_residual": True,
        "projection_layers": 1, "projection_ratio": 2.0,
    }  # fmt: skip
    audio = {
        "type": "AUDIO", "prenet_depth": prenet, "prenet_layerdrop": 0.05, "prenet_dropout": 0.1,
        "start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0, "num_extra_tokens": 10,
        "init_extra_token_zero": True, "mask_noise_std": 0.01, "mask_prob_min": None, "mask_prob": 0.5,
        "inverse_mask": False, "mask_prob_adjust": 0.05, "keep_masked_pct": 0.0, "mask_length": 5,
        "add_masks": False, "remove_masks": False, "mask_dropout": 0.0, "encoder_zero_mask": True,
        "mask_channel_prob": 0.0, "mask_channel_length": 64, "ema_local_encoder": False,
        "local_grad_mult": 1.0, "use_alibi_encoder": True, "alibi_scale": 1.0, "learned_alibi": False,
        "alibi_max_pos": None, "learned_alibi_scale": True, "learned_alibi_scale_per_head": True,
        "learned_alibi_scale_per_layer": False, "num_alibi_heads": heads, "model_depth": depth,
        "decoder": decoder, "extractor_mode": "layer_norm", "feature_encoder_spec": SPEC,
        "conv_pos_width": 95, "conv_pos_groups": 16, "conv_pos_depth": 5, "conv_pos_pre_ln": False,
    }  # fmt: skip
    model_conf = {
        "loss_beta": 0.0, "loss_scale": None, "depth": depth, "start_drop_path_rate": 0.0,
        "end_drop_path_rate": 0.0, "num_heads": heads, "norm_eps": 1e-5, "norm_affine": True,
        "encoder_dropout": 0.1, "post_mlp_drop": 0.1, "attention_dropout": 0.1,
        "activation_dropout": 0.0,
        "dropout_input": 0.0, "layerdrop": 0.05, "embed_dim": embed_dim, "mlp_ratio": 4.0,
        "layer_norm_first": False, "average_top_k_layers": 8, "end_of_block_targets": False,
        "clone_batch": 8, "ema_decay": 0.999, "normalize": True, "modalities": {"audio": audio},
    }  # fmt: skip
    return {
        "model": "Emotion2vec",
        "model_conf": model_conf,
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
        "scope_map": ["d2v_model.", "none"],
    }


def metas() -> dict[str, Any]:
    """Returns what configuration.json holds, as ModelScope's repositories do."""
    return {
        "framework": "pytorch",
        "task": "emotion-recognition",
        "pipeline": {"type": "funasr-pipeline"},
        "file_path_metas": {
            "init_param": "model.pt",
            "tokenizer_conf": {"token_list": "tokens.txt"},
            "config": "config.yaml",
        },
    }


def write_texts(
    directory: Path, settings: dict[str, Any] | None = None, tokens: tuple[str, ...] = TOKENS
) -> None:
    """Writes the small files of a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.yaml").write_text(yaml.safe_dump(settings or config()))
    (directory / "tokens.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    (directory / "configuration.json").write_text(json.dumps(metas()))


def write_directory(
    directory: Path,
    tokens: tuple[str, ...] = TOKENS,
    prefix: str = "d2v_model.",
    decoder: bool = True,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    spread: float = 0.05,
) -> Path:
    """Writes a whole directory, its weights drawn from a seed; returns it.

    `settings` are those of config.yaml, by default of a very small model; `spread` is that of what
    is added to the small values that FunASR starts training from.
    """
    import torch

    from core.engines.funasr_loader import quiet_process

    settings = settings or config()
    write_texts(directory, settings, tokens)
    with quiet_process():
        from funasr.models.emotion2vec.model import Emotion2vec

        torch.manual_seed(seed)
        network = Emotion2vec(**settings, vocab_size=len(tokens))
        for parameter in network.parameters():
            parameter.data += spread * torch.randn_like(parameter)
    state = {
        (key if key.startswith("proj.") else prefix + key): value
        for key, value in network.state_dict().items()
        if decoder or ".decoder." not in key
    }
    torch.save({"model": state}, directory / "model.pt")
    return directory
