"""The folder of a store: unused, a store's, or somebody else's."""

from pathlib import Path

import pytest

from core import preferences
from core.errors import StoreError
from core.store.folder import is_unused, open_folder


def test_folder_is_unused_until_a_store_is_opened_there(tmp_path: Path):
    root = tmp_path / "store"
    assert is_unused(root)
    preferences.choose_engine(root, "compact")
    assert is_unused(root)
    open_folder(root)
    assert not is_unused(root)


def test_folder_of_other_files_is_not_free(tmp_path: Path):
    (tmp_path / "thesis.docx").write_text("chapter one")
    assert not is_unused(tmp_path)
    with pytest.raises(StoreError, match="holds other files"):
        open_folder(tmp_path)


def test_file_in_place_of_the_folder_is_not_free(tmp_path: Path):
    (tmp_path / "store").write_text("")
    assert not is_unused(tmp_path / "store")
