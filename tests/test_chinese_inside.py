"""The panels of the inside, of keeping and of sharing in Chinese: in no state is anything left in English."""

import re
from html import unescape
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from chinese import CLOTHES, HAN, english_again, shown, within  # noqa: F401 - the fixtures work by being here
from test_app import clothes, fresh_widgets, in_a_loop  # noqa: F401 - the fixtures work by being here
from test_keeping import Browser, at_rest

import mnistlab.app
from mnistlab import Settings, language, links
from mnistlab.app import InsidePanel, KeepingPanel, Lab
from mnistlab.app.inside import PARTS
from mnistlab.app.keeping import content_of, kept, read_record, record_bytes
from mnistlab.app.sharing import Sharing
from mnistlab.app.upload import UploadButton
from mnistlab.export import read_model, read_settings
from mnistlab.settings import TABLE

# What is the same in every language: commands and files.
ALLOWED = (
    "mnistlab predict", "mnistlab train --save model.npz", "network.npz", "settings.json", "history.csv",
)
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,.'’]+[A-Za-z]{2,})+")


def english_of(sentence):
    said = unescape(sentence)
    for name in ALLOWED:
        said = said.replace(name, "")
    return ENGLISH.findall(said)


def assert_chinese(*panels):
    said = [each for panel in panels for each in shown(panel) if each.strip()]
    assert any(map(HAN.search, said))
    assert not [each for each in said if english_of(each) or CLOTHES.search(each)]


async def assert_parts_are_chinese(panel):
    """Every part of the inside panel, opened and drawn."""
    for name in PARTS:
        panel.choice.value = None
        panel.choice.value = name
        await panel.task
        assert panel.note.value == f"<p>{language.t(PARTS[name].about)}</p>" and panel.part.drawn
        assert_chinese(panel)


NETWORKS = {
    "plain": {}, "two layers": {"hidden_layers": 2, "batch_norm": True, "dropout_rate": 0.2},
    "none": {"hidden_layers": 0}, "convolution": {"convolution": True, "activation": "leaky-relu"},
}


@pytest.mark.parametrize("values", NETWORKS.values(), ids=NETWORKS)
@in_a_loop
async def test_every_part_of_the_inside_panel_is_chinese(values):
    language.speak("zh")
    lab = Lab()
    panel = InsidePanel(lab)
    assert_chinese(panel)
    lab.change_all({"train_size": 600, "hidden_size": 60, "epochs": 2, **values})
    lab.start()
    await lab.task
    assert "选择要看什么" in panel.note.value
    await assert_parts_are_chinese(panel)
    if not values:
        panel.choice.value = "Units"
        units = panel.part
        for change in (units._off, lambda: setattr(units.unit, "value", 20), units._off_up_to):
            change()
            await panel.task
            assert "改动的" in units.result.value
            assert_chinese(panel)
        panel.choice.value = "Steps"
        await panel.task
        panel.part.label.value = 3
        await panel.task
        assert "（其余）" in panel.part.sums.value
        assert_chinese(panel)
    lab.run.network.parameters[:] = np.nan
    panel.choice.value = "Weights"
    assert "没有留下可用的网络" in panel.note.value
    lab.reset()
    assert "还没有可以查看的网络" in panel.note.value
    assert_chinese(panel)


@in_a_loop
async def test_a_language_that_comes_after_a_run_changes_every_part(clothes):  # noqa: F811
    lab = Lab("fashion-mnist")
    panel = InsidePanel(lab)
    lab.change_all({"train_size": 600, "hidden_size": 20, "epochs": 2})
    lab.start()
    await lab.task
    panel.choice.value = "Gradients"
    await panel.task
    recorder, rows = panel.recorder, list(panel.recorder.rows)
    lab.speak("zh")
    assert panel.recorder is recorder and recorder.rows == rows and recorder.titles == ["隐藏层 1", "输出层"]
    await assert_parts_are_chinese(panel)
    assert "符号" in panel.parts["Map"].said.value
    lab.one_more("epoch")  # it still records, once an epoch
    await lab.task
    await at_rest(lab)
    assert [epoch for epoch, _ in recorder.rows] == [*(epoch for epoch, _ in rows), 3]


def open_files(panel):
    panel.files.toggle.value = True
    return {each.description: each for each in within(panel) if isinstance(each, ipywidgets.Button)}


@pytest.mark.parametrize("late", [False, True])
@in_a_loop
async def test_every_state_of_the_keeping_panel_is_chinese(late):
    """late: the language arrives when the panel is there already, with all it holds opened."""
    if not late:
        language.speak("zh")
    lab = Lab()
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 2})
    panel = KeepingPanel(lab)
    browser = Browser(panel)
    if late:
        panel.files.toggle.value = True
        lab.speak("zh")
    assert_chinese(panel)
    for words in ("下载网络", "下载训练记录（CSV）"):
        open_files(panel)[words].click()
        assert "还没有" in panel.said.value
        assert_chinese(panel)
    lab.start()
    await lab.task
    for words in ("下载网络", "下载设置", "下载训练记录（CSV）"):
        open_files(panel)[words].click()
        assert "浏览器会把它存到" in panel.said.value
        assert_chinese(panel)
    assert len(browser.downloads) == 3 and browser.kept
    network, settings = (browser.downloads[f"mnistlab-{name}"] for name in ("network.npz", "settings.json"))
    for content in (network, b"seven"):
        panel._on_model("我的.npz", len(content), content, True, True)
        await at_rest(lab)
        assert_chinese(panel)
    for content in (settings, b"seven", b'{"format": 9, "settings": {}}', b'{"format": 1, "settings": {"a": 1}}',
                    b'{"format": 1, "settings": {"epochs": 0}}'):
        panel._on_settings("我的.json", len(content), content, True, True)
        assert "我的.json" in panel.said.value
        assert_chinese(panel)
    for size in (None, 10**9):
        panel._on_model("我的.npz", size, None, True, True)
        assert_chinese(panel)
    browser.say({"is": "restore"}, b"seven")
    browser.say({"is": "restore"}, b"{}")
    assert all(HAN.search(why) and not english_of(why) for why in browser.answers) and len(browser.answers) == 2
    lab.run.network.parameters[:] = np.nan
    open_files(panel)["下载网络"].click()
    assert "没有留下可用的网络" in panel.said.value


def refused(read, *arguments):
    with pytest.raises(ValueError) as caught:
        read(*arguments)
    said = str(caught.value)
    assert HAN.search(said) and not english_of(said)
    return said


@in_a_loop
async def test_what_cannot_be_read_is_refused_in_chinese():
    lab = Lab()
    lab.change_all({"train_size": 600, "hidden_size": 16, "epochs": 1})
    lab.start()
    await lab.task
    language.speak("zh")
    content = content_of(lab, False)
    assert "格式是 9" in refused(read_record, record_bytes(lab.record).replace(b'"format": 1', b'"format": 9'))
    assert "已损坏" in refused(read_record, b'{"format": 1, "record": {}}')
    assert "不是由 mnistlab 写成的" in refused(read_model, content[:-200], "我的.npz")
    assert "轮数" in refused(read_settings, b'{"format": 1, "settings": {"epochs": -1}}', "a.json")
    assert "解压后" not in refused(read_model, content.replace(b"parameters", b"parametern"), "我的.npz")
    assert kept(lab)[1]["name"] == "Run 1"  # in the browser, which says it in its own words


def test_an_address_is_refused_in_chinese():
    language.speak("zh")
    asked = "lr=9e9&hidden=x&foo=1&lang=fr&panel=nowhere&hide=all&lock=all,seed&preset=none&optimizer=none"
    problems = links.read(asked, ("curves", "mistakes")).problems
    assert len(problems) == len(asked.split("&"))
    for problem in (*problems, *links.read("a" * 20_000).problems):
        assert HAN.search(problem) and not english_of(re.sub("'[^']*'|“[^”]*”", "", problem))


@in_a_loop
async def test_what_is_shared_is_chinese():
    language.speak("zh")
    lab = Lab()
    for panel in (InsidePanel, KeepingPanel):
        panel(lab)
    lab.browser.address = "http://127.0.0.1:8888/lab.ipynb"
    sharing = Sharing(lab)
    assert_chinese(sharing)
    assert [words for words, _ in sharing.panel.options] == ["页面顶部", "内部", "保存成果"]
    assert len(sharing.hide.options) == len(TABLE) + 2
    sharing.panel.value, sharing.hide.value = "inside", ("seed",)
    assert "hide=seed&amp;panel=inside" in sharing.field.value  # an address is the same in every language
    assert_chinese(sharing)


@pytest.mark.parametrize("name", ["keeper.js", "watch.js", "feature_map.js", "browser.js"])
def test_scripts_have_no_words_but_through_the_table(name):
    """Two words in quotes, between which a space stands, are a sentence."""
    script = Path(mnistlab.app.__file__).with_name(name).read_text("utf-8")
    script = re.sub(r"^\s*//.*$|\s//\s.*$|console\.warn\(.*$", "", script, flags=re.MULTILINE)
    script = re.sub(r'\bt\(\s*(?:"(?:[^"\\]|\\.)*"\s*\+?\s*)+', "t(", script)
    assert not re.findall(r'"[A-Z][a-z]+ [^"<>]*"|`[A-Z][a-z]+ [^`]*`', script)
