"""The script behind every page: settings of the page, navigation, then the page itself."""

import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_ICON = _FOLDER / "icon.png"  # a file: signs and emoji would be fetched from the net
if str(_FOLDER.parent) not in sys.path:
    sys.path.insert(0, str(_FOLDER.parent))

import streamlit as st  # noqa: E402

from core.errors import TonescopeError  # noqa: E402
from dashboard import lifecycle, navigation, words  # noqa: E402, words
from dashboard.components import frame  # noqa: E402

st.set_page_config(
    page_title="Tonescope", page_icon=str(_ICON), layout="wide", initial_sidebar_state=230
)
page = st.navigation(navigation.pages())
frame.show()
try:
    page.run()
except TonescopeError as error:
    st.error(words.said(str(error)), icon=":material/error:")
lifecycle.warm_up()
