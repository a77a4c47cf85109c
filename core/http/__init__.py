"""The library over HTTP: `python -m core serve`."""
