"""What the tests of the pages on the corpus share."""

import time

from dashboard.background import _ALL, Background

ENGINE = "fake-000000000000"


def settled(app):
    """Waits until nothing is computed any more and runs the page again; work may follow work."""
    for _ in range(4):
        before = tasks()
        end_s = time.monotonic() + 120
        while not all(task.finished for task in before):
            assert time.monotonic() < end_s
            time.sleep(0.02)
        app = app.run()
        if [id(task) for task in tasks()] == [id(task) for task in before]:
            break  # the page shows all that it asked for
    return app


def tasks():
    return [task for work in list(_ALL) for task in list(work._tasks.values())]


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
