"""The panels of the data, of mistakes and of one's own digit in Chinese: in no state is anything left in English."""

import asyncio
import re
import socket
from html import unescape

import ipywidgets
import numpy as np
import pytest
from chinese import CLOTHES, HAN, english_again, shown, within  # noqa: F401 - the fixtures work by being here
from test_app import clothes, fresh_widgets, in_a_loop, send_files  # noqa: F401 - the fixtures work by being here
from test_cli import command
from test_lab import lab_of
from test_variations import png_of, zip_of

from mnistlab import files, language
from mnistlab.app import DataPanel, DigitPanel, Lab, MistakesPanel
from mnistlab.app.keeping import content_of
from mnistlab.app.last_look import LastLook
from mnistlab.cleaning import Changes
from mnistlab.data import CLOTHES as CLASSES
from mnistlab.experiments import white_noise
from mnistlab.export import read_model

# Names that are the same in every language.
ALLOWED = ("Fashion-MNIST", "--data-dir")
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,.'’-]+[A-Za-z]{2,})+")


def english_of(sentence, other):
    said = re.sub(r"\S+/\S+", "", unescape(sentence))  # names of files
    for name in (*ALLOWED, other):
        said = said.replace(name, "")
    return ENGLISH.findall(said)


def assert_chinese(*panels, but=" "):
    """but: words that the lab says of a run."""
    said = [each for panel in panels for each in shown(panel) if each.strip()]
    assert any(map(HAN.search, said))
    assert not [each for each in said if english_of(each, but) or CLOTHES.search(each)]


def open_all(panel):
    for each in within(panel):
        if isinstance(each, ipywidgets.ToggleButton):
            each.value = True


async def until(said):
    """Wait until said() holds."""
    for _ in range(20_000):
        if said():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


@in_a_loop
@pytest.mark.parametrize("late", [False, True])
async def test_every_state_of_the_three_panels_is_chinese(late, clothes):  # noqa: F811
    """late: the language arrives when the panels are there already."""
    if not late:
        language.speak("zh")
    lab = lab_of(label_noise=0.1)
    panels = [DataPanel(lab), MistakesPanel(lab), DigitPanel(lab)]
    data, mistakes, digit = panels
    if late:
        lab.speak("zh")
    assert_chinese(*panels)
    for panel in panels:
        open_all(panel)
    assert_chinese(*panels)
    send_files(digit, ("我的.png", png_of(lab.available, 0)), ("坏的.png", b"no image"), ("空的.png", b""))
    assert_chinese(digit)

    lab.start()
    await lab.task
    mistakes._on_cell("0 0", "")
    mistakes._on_cell("0 1", "")
    assert_chinese(*panels)
    assert "识别为" in mistakes.images.value and "网络说" in digit.results.value
    mistakes.more_button.click()
    mistakes.slider.value = 0.99
    noise = white_noise(lab.available, np.random.default_rng(0)).image(0)
    digit._drawing = type(digit._outcomes[0][1])(None, noise, ())
    digit._draw_drawing()
    assert "和训练图像不像" in digit.answer.value
    assert_chinese(*panels)

    mistakes.set.value = "test"
    assert "在测试集上评估一次" in mistakes.images.value
    assert_chinese(mistakes)
    LastLook(lab).button.click()
    for split, words in (("test", "测试图像中有"), ("training", "训练图像中有")):
        mistakes.set.value = split
        await until(lambda: words in mistakes.images.value)
        assert_chinese(mistakes)
    mistakes.delete_button.click()
    lab.put_changes(lab.changes["validation"].relabel(int(lab.validation_set.indices[0]), 3))
    assert_chinese(mistakes)
    lab.start(cleaned=True)
    await lab.task
    assert "清理前" in mistakes.sides.value
    lab.teach(lab.available.image(0), 3)
    await lab.task
    digit.right.value = 4
    digit._teach()
    await lab.task
    assert "之前" in digit.said.value
    mistakes.set.value = "training"
    assert_chinese(*panels, but=lab.peculiar)

    data.choice.value = "mnist"
    assert "按“下载”" in data.note.value
    assert_chinese(data)
    lab.choose_dataset("fashion-mnist")
    assert_chinese(mistakes, digit)
    for split in ("test", "validation"):
        mistakes.set.value = split
        assert_chinese(mistakes)
    lab.reset()
    assert_chinese(mistakes, digit)
    lab.start()
    await lab.task
    assert "短靴" in mistakes.table.value and "短靴" in digit.results.value
    assert_chinese(*panels)
    file = read_model(content_of(lab, True), "model.npz")
    assert file.class_names == CLASSES  # in files they are as the dataset has them
    assert "别的一概不知" in digit.results.value
    lab.run.network.parameters[:] = np.nan
    digit._draw()
    assert "训练失败" in digit.results.value
    assert_chinese(digit)


@in_a_loop
async def test_images_of_ones_own_are_read_in_chinese():
    language.speak("zh")
    lab = lab_of()
    panel = DataPanel(lab)
    own = panel.variations
    own.own.toggle.value = True
    assert [words for words, _ in own.fit.options] == ["留边", "裁剪", "拉伸"]
    for content in (zip_of(30), b"no zip", zip_of(30, ("circle",)), zip_of(1), zip_of(0, ())):
        own.said.value = ""
        own._on_zip("图.zip", len(content), content, True, True)
        await until(lambda: re.search(r"它们叫|alarm", own.said.value))
        assert_chinese(own)
    assert "略去" in own.said.value or lab.dataset == "图"
    for size in (None, 10**9):
        own._on_zip("图.zip", size, None, True, True)
        assert_chinese(own)


@pytest.mark.parametrize("text", [
    "nonsense",
    '{"dataset": "mnist", "split": "training", "deleted": [], "relabelled": {}}',
    '{"dataset": "sample", "split": "test", "deleted": [], "relabelled": {}}',
    '{"dataset": "sample", "split": "training", "deleted": [1], "relabelled": {"1": 2}}',
    '{"dataset": "sample", "split": "training", "deleted": [], "relabelled": {"1": null}}',
    '{"dataset": "sample", "split": "training", "deleted": [-1], "relabelled": {}}',
    '{"dataset": "sample", "split": "training", "deleted": [99999], "relabelled": {}}',
    '{"dataset": "sample", "split": "training", "deleted": [], "relabelled": {"1": 11}}',
    '{"dataset": "sample", "split": "training", "deleted": [], "relabelled": {"1": 0.5}}',
])
def test_a_file_that_holds_no_changes_is_refused_in_chinese(text, sample):
    language.speak("zh")
    with pytest.raises(ValueError) as refused:
        Changes.from_json(text, "sample", sample[0])
    said = re.sub("“(sample|mnist|test)”|training|validation", "", str(refused.value))  # as they stand in the file
    assert not re.search("[A-Za-z]{2,}", said.replace("JSON", "")) and said.endswith("。")


@in_a_loop
async def test_a_failed_download_says_why_in_chinese(tmp_path, monkeypatch):
    """It is the process of the download that says it."""
    (tmp_path / "wall").write_text("")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")  # as on a system that is not used to Chinese
    lab = lab_of()
    lab.data_dir = tmp_path / "wall"
    panel = DataPanel(lab)
    lab.speak("zh")
    panel.choice.value = "mnist"
    panel.download_button.click()
    await until_done(panel)
    assert f"数据文件夹 {lab.data_dir / 'mnist'} 无法写入（不是文件夹）。请用" in panel.note.value
    assert_chinese(panel)


@in_a_loop
async def test_a_download_goes_on_when_the_language_comes_and_is_stopped_in_it(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and never answers
        monkeypatch.setenv("MNISTLAB_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        lab = Lab(data_dir=tmp_path)
        panel = DataPanel(lab)
        panel.choice.value = "mnist"
        panel.download_button.click()
        await until(lambda: panel._process)
        lab.speak("zh")
        assert panel.download_button.description == "取消" and panel.choice.disabled
        panel.download_button.click()
        await until_done(panel)
    assert panel.note.value == "<p>下载已停止。仍在使用：自带样本。</p>"
    assert panel.download_button.description == "下载" and not panel.choice.disabled


async def until_done(panel):
    await until(lambda: panel._process)
    while panel._process:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)


def test_what_a_mirror_did_wrong_is_said_in_chinese(tmp_path):
    language.speak("zh")
    with socket.socket() as held:  # bound but not listening, so nobody answers
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}/"
        with pytest.raises(files.DownloadError) as failed:
            files.download(files.Source(files.SOURCES["mnist"].files, (address,)), tmp_path, rounds=1)
    assert str(failed.value) == f"文件没能下载下来。试过：{address}: 连接不上。请检查网络连接后再试；自带样本不用联网也能用。"


def test_another_variable_than_a_language_is_refused_by_download(tmp_path):
    done = command("download", "--data-dir", tmp_path, MNISTLAB_LANG="fr")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mnistlab: The language is 'fr'; it must be one of en, zh.\n"
