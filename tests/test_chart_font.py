"""The charts in Chinese: their font has every character that they use, and names written by a reader do no harm."""

import io
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from chinese import english_again  # noqa: F401 - the fixture works by being here
from make_font import characters
from matplotlib.font_manager import findfont, fontManager, get_font
from PIL import Image

from mnistlab import language, plots
from mnistlab.plots import FONT, LATIN, LayerCurves, LiveCurves, can_write
from mnistlab.training import History, Row

STEPS = 5


@pytest.fixture
def strict():
    """Every warning is an error: matplotlib warns of a character that no font has."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def history():
    rows = [Row(epoch, 1 / epoch, 0.8, 1.1 / epoch, 0.7, 0.1) for epoch in (1, 2)]
    return History(rows, [1.0] * 2 * STEPS, [0.5] * 2 * STEPS, {}, [(3, "batch_size", 64), (7, "batch_norm", False)])


def run(name):
    return SimpleNamespace(name=name, history=history(), steps_per_epoch=STEPS, baseline=0.1)


def charts(narrow=False, names=("Run 1", "Run 2")):
    """PNG bytes of each chart that there is."""
    curves = LiveCurves(2, 0.1, narrow)
    yield curves.frame(history(), STEPS)
    curves.begin(2, 0.1, log=True)
    yield curves.frame(history(), STEPS)
    yield curves.compare([run(name) for name in names])
    titles = [language.t("training"), language.t("validation")]
    yield LayerCurves(narrow).draw([0, 1], titles, np.ones((2, 2)), titles[:1], np.zeros((1, 2)))


def test_the_font_has_every_character_of_the_charts_that_matplotlibs_own_lacks():
    ours, latin = get_font(FONT), get_font(findfont(LATIN, fallback_to_default=False))
    missing = [each for each in characters() if not any(font.get_char_index(ord(each)) for font in (ours, latin))]
    assert missing == []


def test_the_font_has_no_other_character():
    assert {*map(chr, get_font(FONT).get_charmap())} <= characters()


@pytest.mark.parametrize("narrow", [False, True])
def test_every_chart_is_another_in_chinese_and_lacks_no_character(narrow, strict, caplog):
    english = list(charts(narrow))
    language.speak("zh")
    chinese = list(charts(narrow))
    assert all(one != other for one, other in zip(english, chinese, strict=True))
    assert "font" not in caplog.text
    language.speak("en")
    assert list(charts(narrow)) == english  # nothing of it stays in matplotlib's settings


def test_without_its_font_a_chart_would_lack_characters(monkeypatch):
    """So the test above can fail."""
    monkeypatch.setattr(plots, "_families", lambda: (LATIN,))
    language.speak("zh")
    with pytest.warns(UserWarning, match="Glyph"):
        list(charts())


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("language_of_page", ["en", "zh"])
def test_names_of_any_characters_are_drawn_without_a_warning(language_of_page, narrow, strict):
    language.speak(language_of_page)
    names = ("小明的第一个网络，隐藏层很大很大很大很大", "🐼 \U00020000 \t$\\frac$ " + "x" * 40)
    for content in charts(narrow, names):
        Image.open(io.BytesIO(content)).load()


@pytest.fixture
def bare_machine(monkeypatch):
    """One without any font that has all Chinese characters."""
    monkeypatch.setattr(plots, "OF_THE_MACHINE", ())
    plots._families.cache_clear()
    yield
    plots._families.cache_clear()


def test_a_run_whose_name_no_font_can_write_is_called_by_its_colour(bare_machine):
    language.speak("zh")
    assert can_write("第 1 次训练（已恢复）, α") and not can_write("龘")
    curves = LiveCurves(2, 0.1)
    curves.compare([run("第 1 次训练"), run("小明的龘")])
    assert [said.get_text() for said in curves.compared_legend.get_texts()[:2]] == ["第 1 次训练", "紫色"]
    language.speak("en")
    assert can_write("Run 1, α") and not can_write("第 1 次训练")


def test_a_font_of_the_machine_serves_for_names(monkeypatch):
    """Whatever this machine has: DejaVu Sans Mono, which comes with matplotlib, stands for one with more characters."""
    monkeypatch.setattr(plots, "OF_THE_MACHINE", ("No Such Font", "DejaVu Sans Mono"))
    plots._families.cache_clear()
    language.speak("zh")
    assert plots._families() == (LATIN, plots.FAMILY, "DejaVu Sans Mono")
    plots._families.cache_clear()


def test_the_font_is_registered_once():
    language.speak("zh")
    list(charts())
    list(charts())
    assert [font.name for font in fontManager.ttflist].count(plots.FAMILY) == 1
