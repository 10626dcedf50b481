"""A page whose language changes: JupyterLab may show the panels of a running kernel again, in another browser's.

What was chosen, opened and brought there is kept, and no widget of the panels before is left behind.
"""

import pytest
from chinese import english_again  # noqa: F401 - the fixture works by being here
from ipywidgets.widgets.widget import _instances as registry
from test_app import fresh_widgets, in_a_loop, send_files  # noqa: F401 - the fixture works by being here
from test_keeping import SMALL, Browser, at_rest
from test_variations import png_of

from mnistlab.app import (
    CurvesPanel, DataPanel, DigitPanel, InsidePanel, KeepingPanel, Lab, MistakesPanel, TrainingPanel,
)
from mnistlab.app.inside import PARTS
from mnistlab.app.parts import Opening, _all
from mnistlab.language import t

PANELS = DataPanel, TrainingPanel, CurvesPanel, MistakesPanel, DigitPanel, InsidePanel, KeepingPanel


async def trained(*kinds):
    """(lab, panels): of a run that is over."""
    lab = Lab()
    panels = [kind(lab) for kind in kinds]
    lab.change_all(SMALL)
    lab.start()
    await lab.task
    return lab, *panels


def openings(panel):
    return [each for each in _all(panel) if isinstance(each, Opening)]


@pytest.mark.parametrize("query, accepted, code", [
    ("lang=zh&lr=0.5", "en-GB,en;q=0.9", "zh"), ("lr=0.5", "fr, zh-CN;q=0.9,en;q=0.8", "zh"), ("", "fr", "en"),
    ("lang=en", "zh-CN", "en"), ("%ff&lang=<b>", "", "en"),
])
@in_a_loop
async def test_a_kernel_that_begins_for_a_page_speaks_its_language_at_once(monkeypatch, query, accepted, code):
    monkeypatch.setenv("QUERY_STRING", query)
    monkeypatch.setenv("HTTP_ACCEPT_LANGUAGE", accepted)
    lab = Lab()
    panel = TrainingPanel(lab)
    button = panel.train_button
    assert (lab.browser.language, lab.browser.shown, button.description) == (code, code, t("Train"))
    with lab.browser.hold_trait_notifications():
        lab.browser.query, lab.browser.languages = "?" + query, [accepted.split(",")[0]] if code == "en" else ["zh-CN"]
    assert panel.train_button is button  # the browser says the same, and nothing is made anew


@pytest.mark.parametrize("kind", PANELS)
@in_a_loop
async def test_no_widget_of_an_earlier_language_is_left_behind(kind):
    lab, panel = await trained(kind)
    alive = []
    for code in ("zh", "en", "zh", "en"):
        for opening in openings(panel):
            opening.toggle.value = True
        if kind is InsidePanel:
            for name in PARTS:  # each puts the one before away
                panel.choice.value = name
                await panel.task
        for opening in openings(panel):  # what it holds was made, and is no longer in the page
            opening.toggle.value = False
        lab.speak(code)
        await at_rest(lab)
        alive.append(len(registry))
    assert alive[1] == alive[3] and alive[0] == alive[2]


@pytest.mark.parametrize("kind", PANELS)
@in_a_loop
async def test_what_is_open_stays_open(kind):
    lab, panel = await trained(kind)
    opened = openings(panel)[::2]
    for opening in opened:
        opening.toggle.value = True
    lab.speak("zh")
    await at_rest(lab)
    assert [each.is_open for each in openings(panel)] == [k % 2 == 0 for k in range(len(openings(panel)))]
    assert not any(each in openings(panel) for each in opened)


@in_a_loop
async def test_the_open_part_and_the_picked_image_stay():
    lab, panel = await trained(InsidePanel)
    panel.choice.value = "Pixels"
    await panel.task
    panel.choose(7)
    await panel.task
    lab.speak("zh")
    await panel.task
    assert (panel.choice.value, panel.pick.row, panel.pick.number.value) == ("Pixels", 7, 8)
    assert panel.pick.widget in panel.body.children
    lab.reset()
    lab.speak("en")
    assert panel.choice.value == "Pixels" and panel.body.children == ()


@in_a_loop
async def test_the_mistakes_that_were_asked_for_stay():
    lab, panel = await trained(MistakesPanel)
    panel.set.value, panel.label.value = "training", 3
    await at_rest(lab)
    lab.speak("zh")
    await at_rest(lab)
    assert (panel.set.value, panel.label.value) == ("training", 3)
    assert {each.actual for each in panel._shown} == {3} and "训练图像" in panel.images.value


@in_a_loop
async def test_uploaded_digits_stay_and_are_described_in_the_new_language():
    lab, panel = await trained(DigitPanel)
    send_files(panel, ("three.png", png_of(lab.available, 0)), ("bad.png", b"no image"))
    lab.speak("zh")
    assert panel.results.value.count("网络说") == 1 and "你的图像" in panel.results.value
    assert "bad.png" not in panel.results.value  # its sentence was English
    panel.teach.toggle.value = True
    panel.right.value = 3
    panel._teach()  # the photo is still there
    await lab.task
    assert "之前" in panel.said.value


@in_a_loop
async def test_charts_keep_their_scale():
    lab, panel = await trained(CurvesPanel)
    panel.log_scale.value = True
    lab.speak("zh")
    assert panel.log_scale.value and panel.log_scale.description == "损失用对数刻度"


@in_a_loop
async def test_a_run_that_ended_while_an_earlier_state_was_on_its_way_is_still_kept():
    lab = Lab()
    lab.change_all(SMALL)
    panel = KeepingPanel(lab)
    browser = Browser(panel)
    browser.silent = True  # the first state is on its way
    lab.one_more("epoch")
    await lab.task
    lab.resume()
    await lab.task
    assert panel.keeper.busy and browser.kept == []
    lab.speak("zh")
    browser.silent = False
    browser.say({"is": "kept", "number": panel.keeper._number})
    assert browser.kept[-1][0]["epochs"] == lab.run.epoch == 4
