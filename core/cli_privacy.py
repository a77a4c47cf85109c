"""The commands `forget` and `consent`: what may be done with a recording, and its end."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.store import consent
from core.store.consent import Consent, Use
from core.store.forget import Forgotten, forget, recordings_of


def add_privacy(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    forgetting = commands.add_parser(
        "forget", help="remove a recording or a speaker for good, with everything made from it"
    )
    which = forgetting.add_mutually_exclusive_group(required=True)
    which.add_argument("--recording", metavar="ID", help="its SHA-256")
    which.add_argument("--speaker", metavar="NAME", help="every recording in which they speak")
    which.add_argument(
        "--expired", action="store_true", help="every recording whose retain-until day is over"
    )
    forgetting.add_argument("--dry-run", action="store_true", help="only list the recordings")
    forgetting.set_defaults(command=_forget)
    yield forgetting
    consents = commands.add_parser("consent", help="what recordings may be used for")
    actions = consents.add_subparsers(required=True, metavar="ACTION")
    setting = actions.add_parser("set", help="record what is allowed")
    of = setting.add_mutually_exclusive_group(required=True)
    of.add_argument("--recording", metavar="ID", help="its SHA-256")
    of.add_argument("--speaker", metavar="NAME", help="every recording in which they speak")
    setting.add_argument("--basis", required=True, help="the legal basis, in words")
    setting.add_argument(
        "--scope", required=True, type=_scope, metavar="analyse,listen,publish", help="or none"
    )
    setting.add_argument("--retain-until", type=date.fromisoformat, metavar="YYYY-MM-DD")
    setting.add_argument("--pseudonym", metavar="NAME", help="stands for the speaker elsewhere")
    setting.add_argument("--by", metavar="NAME", help="who records it")
    setting.set_defaults(command=_set)
    yield setting
    showing = actions.add_parser("show", help="list what is allowed now")
    showing.add_argument("--recording", metavar="ID", help="only this one")
    showing.set_defaults(command=_show)
    yield showing


def _forget(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    found = consent.expired(store) if options.expired else _recordings(options)
    if options.dry_run:
        for recording in found:
            known = store.recording(recording)
            cli_answer.answer(
                {"recording": recording, "name": known.name, "speaker": known.speaker}
            )
        return 0
    if not found:
        cli_answer.say("no recording's time is over; nothing was forgotten")
    done = forget(store, found, options.speaker)
    _tell(done)
    affected = {"maps": list(done.maps), "heads": list(done.heads)}
    copies = [asdict(copy) for copy in done.copies]
    counts = {"recordings": len(done.recordings), "rows": done.rows, "files": done.files}
    cli_answer.answer(counts | affected | {"copies": copies})
    return 0


def _tell(done: Forgotten) -> None:
    for name in done.maps:
        cli_answer.say(f"removed {name}, which held a recording; make it again if you need it")
    for name in done.heads:
        cli_answer.say(
            f"head {name} may have learned from a recording; train it again or remove it"
        )
    for copy in done.copies:
        cli_answer.say(
            f"{copy.kind} {copy.place} still holds a recording; remove it or make it again"
        )


def _set(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    given = Consent(options.basis, options.scope, options.retain_until, options.pseudonym)
    cli_answer.answer({"recordings": consent.put(store, _recordings(options), given, options.by)})
    return 0


def _show(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    one = store.recording(options.recording).recording if options.recording else None
    today = datetime.now(UTC).date()
    for recording, found in sorted(consent.every(store, one).items()):
        until = found.retain_until
        cli_answer.answer(
            {
                "recording": recording,
                "basis": found.basis,
                "scope": [str(use) for use in Use if use in found.scope],
                "retain_until": until.isoformat() if until else None,
                "expired": until is not None and today > until,
                "pseudonym": found.pseudonym,
            }
        )
    return 0


def _recordings(options: argparse.Namespace) -> list[str]:
    store = Tonescope(options.store).store
    if options.speaker is not None:
        return recordings_of(store, options.speaker)
    return [store.recording(options.recording).recording]


def _scope(text: str) -> frozenset[Use]:
    parts = [part.strip() for part in text.split(",") if part.strip() not in ("", "none")]
    if not set(parts) <= set(Use):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no scope; give some of {', '.join(Use)}, or none"
        )
    return frozenset(Use(part) for part in parts)
