"""The pages that list every setting say what the program says."""

import importlib.util
import sys

import pytest

from mapsto.recipe.describe import listing


@pytest.fixture(scope="module")
def settings(root):
    spec = importlib.util.spec_from_file_location("settings_page", root / "docs" / ".settings" / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_is_up_to_date(settings, root, language):
    written = (root / "docs" / language / "settings.md").read_text(encoding="utf-8")
    assert written == settings.page(language), "run `make settings`"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_setting_has_a_row_a_member(settings, language):
    page = settings.page(language)
    for setting in listing():
        rows = sum(other.leaf == setting.leaf for other in listing())
        assert page.count(f"| `{setting.leaf}` |") == rows
        if setting.member:
            assert f"### {setting.leaf.split('.')[0]}.name: {setting.member}\n" in page


def test_a_new_setting_makes_the_page_out_of_date(settings, monkeypatch):
    before = settings.page("en")
    more = [*listing(), listing()[-1]._replace(leaf="search.patience", description="trials without a new best")]
    monkeypatch.setattr(settings, "listing", lambda: more)
    assert "| `search.patience` |" in settings.page("en")
    assert settings.page("en") != before
