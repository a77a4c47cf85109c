"""`python -m benchmarks`: every benchmark in short form, and their figures in RESULTS.md."""

import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from core.provenance import versions
from core.settings import PROJECT_ROOT

SHORT = (
    ("startup", "--repeat", "3"),
    ("engine_speed", "--engine", "compact", "--seconds", "60", "--repeat", "3"),
    ("engine_speed", "--shape", "base", "--seconds", "10", "--repeat", "2"),
    ("long_recording", "--engine", "compact", "--minutes", "4", "--points", "1,2"),
    ("recording_page", "--hours", "0.5"),
    ("store_scale", "--recordings", "2000"),
    ("api_load", "--clients", "10", "--seconds", "9"),
)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Runs them all; returns 1 if any failed."""
    lines = ["# Results", "", "Written by `make bench`; do not edit.", "", _machine(), ""]
    failed = 0
    for name, *options in SHORT:
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        failed += done.returncode != 0
        lines += [f"## `python -m benchmarks.{' '.join([name, *options])}`", ""]
        lines += [
            "| figure | value | unit | against | ratio | limit |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(json.loads(line)) for line in done.stdout.splitlines()]
        lines.append("")
    RESULTS.write_text("\n".join(lines))
    return 1 if failed else 0


def _machine() -> str:
    import os

    made = ", ".join(f"{name} {version}" for name, version in versions().items())
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{day}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, {made}."
    )


def _row(figure: dict[str, object]) -> str:
    names = ("figure", "value", "unit", "against", "ratio", "limit")
    return "| " + " | ".join("" if figure[n] is None else str(figure[n]) for n in names) + " |"


if __name__ == "__main__":
    sys.exit(main())
