"""What the tests of the pages on the corpus share."""

import time

from dashboard.background import Background, background

ENGINE = "fake-000000000000"


def settled(app):
    """Waits until nothing is computed any more and runs the page again; work may follow work."""
    for _ in range(3):
        app = done(app, background())
    return app


def done(app, among: Background):
    """Waits until none of some computations runs any more and runs the page again."""
    end_s = time.monotonic() + 120
    while not all(task.finished for task in list(among._tasks.values())):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return app.run()


def text_of(app) -> str:
    kinds = [app.title, app.subheader, app.markdown, app.caption, app.info, app.error, app.text]
    parts = [part for kind in [*kinds, app.warning, app.success] for part in kind]
    return "\n".join(part.value for part in parts)


def button(app, label: str):
    return next(b for b in app.button if b.label == label)


def box(app, label: str):
    return next(b for b in app.selectbox if b.label == label)


def choose(app, label: str, value: str):
    return box(app, label).set_value(value).run()
