"""What Streamlit is told: nobody else reaches it, nothing is sent away, no traceback is shown."""

import tomllib

from streamlit import config

from core.settings import PROJECT_ROOT

WANTED = {
    "server.address": "127.0.0.1",
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.maxUploadSize": 1024,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "runner.postScriptGC": False,  # dashboard.lifecycle does it, see test_lifecycle.py
}


def test_settings_are_those_of_a_safe_start_and_streamlit_knows_them():
    told = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text())
    for name, value in WANTED.items():
        section, _, key = name.partition(".")
        assert told[section][key] == value
    for section in set(told) - {"theme"}:  # a name that Streamlit does not know would do nothing
        for key in told[section]:
            assert f"{section}.{key}" in config.get_config_options()
