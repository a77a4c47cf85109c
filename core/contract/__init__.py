"""The contract's JSON Schemas (draft 2020-12): what every command and benchmark answers.

Fields may be added, never renamed; so each schema names what must be there and allows more.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

FOLDER = Path(__file__).resolve().parent
COMMANDS: Final = {
    "analyze": "analyze",
    "analyze --dry-run": "analyze_plan",
    "bundle open": "store_open",
    "calibrate": "calibrate",
    "cluster": "cluster",
    "clusters export": "export",
    "clusters profile": "clusters_profile",
    "clusters save": "cluster",
    "confounds": "confounds",
    "consent set": "consent_set",
    "consent show": "consent_show",
    "courses compare": "courses_compare",
    "courses shape": "courses_shape",
    "courses transitions": "courses_transitions",
    "engines": "engines",
    "engines fetch": "engines_verify",
    "engines verify": "engines_verify",
    "estimates correct": "estimates_correct",
    "estimates draw": "estimates_draw",
    "evaluate": "evaluate",
    "export": "export",
    "flags draw": "flags_queue",
    "flags find": "flags_find",
    "flags list": "flags_rule",
    "flags moments": "flags_moment",
    "flags quality": "flags_quality",
    "flags review": "flags_verdict",
    "flags save": "flags_rule",
    "flags undo": "flags_undone",
    "forget": "forget",
    "forget --dry-run": "forget_plan",
    "heads apply": "heads_apply",
    "heads export": "export",
    "heads import": "heads_head",
    "heads list": "heads_head",
    "heads pick": "heads_pick",
    "labels add": "labels_added",
    "labels agreement": "labels_agreement",
    "labels import": "labels_imported",
    "labels list": "labels_label",
    "labels redo": "labels_step",
    "labels undo": "labels_step",
    "predict": "predict",
    "project": "project",
    "sessions history": "sessions_step",
    "sessions import": "sessions_edit",
    "sessions list": "sessions_recording",
    "sessions names": "sessions_edit",
    "sessions names --preview": "sessions_preview",
    "sessions redo": "sessions_redo",
    "sessions set": "sessions_set",
    "sessions tidy": "export",
    "sessions trend": "sessions_trend",
    "sessions undo": "sessions_undo",
    "sets list": "sets_set",
    "sets remove": "sets_set",
    "sets show": "sets_segment",
    "similar": "similar",
    "store backup": "store_backup",
    "store check": "store_check",
    "store compact": "store_compact",
    "store restore": "store_open",
    "turns assign": "turns_version",
    "turns find": "turns_version",
    "turns give": "turns_version",
    "turns import": "turns_version",
    "turns merge": "turns_version",
    "turns move": "turns_version",
    "turns rename": "turns_version",
    "turns show": "turns_turn",
    "turns split": "turns_version",
    "turns undo": "turns_version",
}


def names() -> tuple[str, ...]:
    """Returns the names of all schemas, in alphabetical order."""
    return tuple(sorted(path.name.split(".")[0] for path in FOLDER.glob("*.schema.json")))


def schema(name: str) -> dict[str, Any]:
    """Returns the JSON Schema of one answer.

    Args:
        name: of `names`, such as `predict` or `store_check`.

    Raises:
        KeyError: there is no schema of this name.
    """
    if name not in names():
        raise KeyError(f"There is no schema {name!r}; choose one of {', '.join(names())}.")
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return found


def answer_of(arguments: Sequence[str]) -> str | None:
    """Returns the name of the schema that each line of a command answers, or None if there is none.

    Args:
        arguments: of the command line.
    """
    for n in (2, 1):
        command = " ".join(arguments[:n])
        for option in ("--dry-run", "--preview"):
            if option in arguments and f"{command} {option}" in COMMANDS:
                return COMMANDS[f"{command} {option}"]
        if command in COMMANDS:
            return COMMANDS[command]
    return None
