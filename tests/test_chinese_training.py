"""The training panel, the curves panel and what the lab says, in Chinese: no English words are left."""

import asyncio
import re
from html import unescape

import ipywidgets
import pytest
from chinese import HAN, english_again, within  # noqa: F401 - the fixtures work by being here
from test_app import fresh_widgets, in_a_loop  # noqa: F401 - the fixture works by being here

from mnistlab import language
from mnistlab.app import CurvesPanel, Lab, Live, TrainingPanel
from mnistlab.diagram import network_svg
from mnistlab.hints import RULES, State, hints
from mnistlab.presets import PRESETS
from mnistlab.settings import TABLE, Settings
from mnistlab.training import Row

# Names that are the same in Chinese, and the values of settings, which addresses and commands know by the same word.
SAME = {"L", "MNIST", "Fashion", "NumPy", "CSV", "PNG", "ReLU", "relu", "sigmoid", "tanh", "x"}
SAME |= {word for item in TABLE.values() for choice in item.metadata["choices"] for word in choice.split("-")}


def said(widget):
    """All that a widget and those within it say: texts, labels, options, and the names in their HTML."""
    for child in getattr(widget, "children", ()):
        yield from said(child)
    if isinstance(widget, ipywidgets.HTML):
        yield from re.findall(r'(?:aria-label|alt|title|placeholder)="(.*?)"', widget.value)
        yield re.sub(r"<.*?>", " ", widget.value)
    elif isinstance(widget, ipywidgets.Dropdown | ipywidgets.SelectionSlider):
        yield from map(str, widget._options_labels)
    elif isinstance(widget, ipywidgets.Text):
        yield widget.value
    for name in ("description", "tooltip", "placeholder"):
        yield getattr(widget, name, "") or ""


def english(*texts):
    """The Latin words in texts that are not the same in Chinese."""
    words = (word for each in texts for word in re.findall(r"(?<![0-9])[A-Za-z]+", unescape(each)))
    return [word for word in words if word not in SAME]


def check(*panels):
    """That nothing which these panels say is English; says where."""
    for panel in panels:
        texts = list(said(panel))
        assert HAN.search("".join(texts))
        assert [each for each in texts if english(each)] == []
        assert english(panel.lab.message) == [], panel.lab.message


def page(early):
    """(lab, its panels): made in Chinese, or in English before the page's language came."""
    if not early:
        language.speak("zh")
    lab = Lab()
    panels = TrainingPanel(lab), CurvesPanel(lab)
    if early:
        assert english(*said(panels[0])) and english(*said(panels[1]))
        lab.speak("zh")
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 2})
    return lab, *panels


async def held(lab):
    for _ in range(3):
        await asyncio.sleep(0)
    lab.pause()
    await lab.task


@pytest.mark.parametrize("early", [False, True])
@in_a_loop
async def test_no_english_word_is_left_in_any_state(early):
    lab, training, curves = page(early)
    check(training, curves)
    for opening in (training.more, curves.earlier, curves.figures):
        opening.toggle.value = True
    runs = curves.runs
    check(training, curves)

    lab.change("epochs", 50)
    lab.start()
    check(training, curves)
    await held(lab)
    assert lab.phase == "paused"
    lab.change_all({"learning_rate": 0.05, "epochs": 3})  # the second waits for the next run
    check(training, curves)
    lab.resume()
    assert "还剩" in training.progress.value
    await held(lab)
    lab.one_more("training")
    await lab.task
    lab.one_more("epoch")
    await lab.task
    check(training, curves)
    lab.stop()
    check(training, curves)

    lab.start()
    await lab.task
    assert [name for name, _ in runs.run.options] == ["第 2 次训练", "第 1 次训练"]
    runs.run.index = 0
    assert runs.name.value == "第 2 次训练"
    check(training, curves)
    runs.first.value, runs.second.value = (id(record) for record in lab.records)
    check(curves)
    runs.second.value = runs.first.value
    check(curves)
    runs.files_button.click()
    check(curves)
    for name in ("", "第 1 次训练", "小网络"):
        runs.name.value = name
        runs.rename_button.click()
        check(curves)
    assert lab.records[1].name == "小网络"
    runs.delete_button.click()
    check(curves)

    for _ in range(2):
        curves.last_look.button.click()
        while curves.last_look._looking:
            await asyncio.sleep(0)
        check(curves)
    lab.reset()
    check(training, curves)


@in_a_loop
async def test_a_run_that_fails_says_so_and_its_hint_applies_in_chinese():
    lab, training, curves = page(early=False)
    lab.change_all({"learning_rate": 1000.0, "batch_norm": True, "convolution": True})
    lab.start()
    await lab.task
    assert lab.phase == "failed"
    check(training, curves)
    training._apply_hint(unescape(re.search('data-act="hint" data-value="(.*?)"', training.hints.value)[1]), "")
    assert lab.settings.learning_rate < 1000
    check(training, curves)


@in_a_loop
async def test_every_preset_says_in_chinese_what_to_watch():
    lab, training, _ = page(early=False)
    training.more.toggle.value = True
    for name in PRESETS:
        training.preset.value = name
        check(training)
    training.preset.value = ""
    check(training)


@in_a_loop
async def test_the_choices_of_a_setting_are_shown_in_chinese_and_chosen_as_ever():
    lab, training, _ = page(early=False)
    training.more.toggle.value = True
    choices = {each.description: each for each in within(training) if isinstance(each, ipywidgets.Dropdown)}
    schedule = choices["学习率调度"]
    assert schedule._options_labels == ("恒定", "阶梯", "余弦", "单周期")
    schedule.label = "余弦"
    assert lab.settings.schedule == "cosine" and lab.settings.said("schedule") == "学习率调度 余弦"
    assert lab.settings.said("optimizer") == "优化器 动量"
    lab.change("schedule", "step")
    assert schedule.label == "阶梯"


@in_a_loop
async def test_when_the_language_comes_during_a_run_everything_said_is_said_again():
    lab = Lab()
    panels = TrainingPanel(lab), CurvesPanel(lab)
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 2})
    lab.start()
    await lab.task
    lab.take_up(lab.run, lab.source_of(lab.run.settings, lab.origin), "restored")
    panels[1].earlier.toggle.value = True
    lab.speak("zh")
    check(*panels)
    panels[1].earlier.toggle.value = True
    assert [name for name, _ in panels[1].runs.run.options] == ["第 2 次训练（已恢复）", "第 1 次训练"]
    lab.change("epochs", 50)
    lab.start()
    await held(lab)
    lab.speak("en")
    lab.speak("zh")
    assert "继续" in lab.message
    check(*panels)
    lab.speak("en")
    assert lab.message == "Paused. Resume goes on from here."


@in_a_loop
async def test_what_the_lab_refuses_it_refuses_in_chinese():
    language.speak("zh")
    lab = Lab("fashion-mnist")
    assert "在那之前使用自带样本" in lab.message
    lab = Lab()
    TrainingPanel(lab)
    with pytest.raises(ValueError) as refused:
        lab.teach(lab.available.image(0), 0)
    assert english(str(refused.value)) == []
    lab.report(KeyError("secret"))
    assert english(lab.message) == ["KeyError"]
    lab.browser.query = "?lock=epochs&lang=zh"
    lab.change("epochs", 7)
    assert english(lab.message) == [] and "锁定" in lab.message


def test_every_hint_is_chinese():
    language.speak("zh")
    low, settings = Settings(learning_rate=0.001), Settings()
    learned = tuple(Row(k, 0.5 / k, 0.97, 0.4 + 0.1 * k, 0.8, 1.0) for k in range(1, 9))
    lost = tuple(Row(k, 2.0 / k, 0.97, 2.3 + 0.1 * k, 0.1, 1.0) for k in range(1, 4))
    slow = (Row(1, 2.2, 0.3, 2.0, 0.3, 1.0),)
    rising = tuple(Row(k, 0.5 * k, 0.5, 0.9, 0.5, 1.0) for k in range(1, 4))
    states = (
        State(settings, failure="损失变成了无穷大", over=True), State(settings, step_losses=(2.3, 2.3, 9.0, 9.0, 9.0)),
        State(settings, learned, (2.3,) * 60, 0.1, validation_size=100, dead_share=(0.2, 0.6)),
        State(settings, learned, (2.3,) * 60, 0.1, validation_size=100, dead_share=(0.6,)),
        State(settings, lost, (2.3,) * 60, 0.1, validation_size=1000), State(low, slow, (2.3,) * 60, 0.1),
        State(settings, rising, (2.3,) * 60, 0.1, validation_size=1000),
    )
    found = [hint for state in states for hint in hints(state)]
    assert len({hint.name for hint in found}) == len(RULES)
    assert [hint.sentence for hint in found if english(hint.sentence) or not HAN.search(hint.sentence)] == []


def test_the_drawing_of_any_network_is_chinese():
    language.speak("zh")
    drawing = network_svg([
        ["Reshape", 1, 28, 28], ["Conv2D", 1, 8, 3, 1, 1], ["BatchNorm", 8], ["LeakyReLU"], ["MaxPool2D", 2, 2],
        ["Flatten"], ["Dense", 1568, 16], ["Sigmoid"], ["Dense", 16, 16], ["Tanh"], ["Dropout", 0.2], ["Dense", 16, 10],
    ])
    texts = [*re.findall(r'aria-label="(.*?)"', drawing), *re.findall(r">([^<]+)<", drawing)]
    assert len(texts) > 10 and english(*texts) == []


def test_a_live_picture_waits_and_refuses_in_chinese():
    language.speak("zh")
    waited = []

    def draw(size):
        waited.append(live.status.value)
        if size == 4:
            raise ValueError(waited[-1])
        return f"<p>{size}</p>"

    slider = ipywidgets.IntSlider(description="大小")
    live = Live(lambda size: "", size=slider)
    live._function = draw
    slider.value = 3
    assert live.shown.value == "<p>3</p>" and live.status.value == ""
    slider.value = 4
    assert waited[0] == waited[1] and "正在计算" in live.status.value
    live.rebuild()
    slider.value = 5
    assert live.shown.value == "<p>5</p>" and len(waited) == 4  # for 4 once more when it was made anew
