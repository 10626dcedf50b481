"""No work is lost: a killed kernel, a cut line, two tabs, leaving within a run, a server that ends sessions."""

import re
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import nbformat
import psutil
import pytest
from playwright.sync_api import expect

from benchmarks.browser import free_port
from mnistlab.export import load_model

from .conftest import app, server
from .steps import (
    CHINESE_LATE, LONG, open_lab, press, problems, set_by_keyboard, status, train_to_the_end, type_beside,
)
from .test_hosts import jupyter, open_notebook, run_all_cells

RESTORE = re.compile("Restore your last run")


class Line:
    """A TCP line to a port of this machine, through a port of its own, that can be cut and mended."""

    def __init__(self, port):
        self.target, self.whole, self.flowing = port, True, threading.Event()
        self.flowing.set()
        self.ends, self.listener = [], socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # the test is over
                return
            if not self.whole:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one, other):
        try:
            while content := one.recv(65_536):
                self.flowing.wait()
                other.sendall(content)
            other.shutdown(socket.SHUT_WR)
        except OSError:  # it was cut
            pass

    def freeze(self):
        """Nothing comes through any more, and nobody is told."""
        self.flowing.clear()

    def cut(self):
        """Every connection ends, and none is taken."""
        self.whole = False
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:  # it ended by itself
                pass
            end.close()
        self.ends = []

    def mend(self):
        self.whole = True
        self.flowing.set()

    def close(self):
        self.mend()
        self.listener.close()
        self.cut()


@pytest.fixture
def line(voila):
    made = Line(urlsplit(voila[0]).port)
    yield made
    made.close()


def alarm(page):
    return page.locator(".mnistlab-bar-alarm")


def keeper(page):
    return page.locator(".mnistlab-keeper")


def begin_long_run(page):
    """A run of fifty epochs, one of which is kept, that goes on in slow motion."""
    set_by_keyboard(page, "Epochs", "End")
    press(page, "One more epoch")
    expect(keeper(page)).to_contain_text("Kept in this browser: Run 1 (1 epoch, ", timeout=LONG)
    page.get_by_role("checkbox", name="Slow motion").check()
    press(page, "Resume")
    expect(status(page)).to_contain_text("Training")


def test_a_killed_kernel_is_noticed_and_its_run_is_restored_and_goes_on(opened, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = opened()
    open_lab(page, address)
    begin_long_run(page)
    (kernel,) = psutil.Process(process.pid).children()
    kernel.kill()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended", timeout=15_000)
    expect(alarm(page)).to_contain_text("Kept in this browser: Run 1 (1 epoch, ")
    with page.expect_download() as saved:
        press(page, "Download the network")
    file = Path(saved.value.path())
    assert len(load_model(file).history) == 1
    other = page.context.new_page()  # the page of a session that has ended keeps its run from nobody
    open_lab(other, address)
    expect(other.get_by_role("button", name=RESTORE)).to_be_visible()
    other.close()
    press(page, "Reload the page")  # nobody asks whether to leave: there is nothing to lose any more
    page.get_by_role("button", name=RESTORE).click(timeout=2 * LONG)
    expect(status(page)).to_contain_text("The run is restored: it stands after epoch 1. Resume goes on from here.")
    expect(page.locator(".mnistlab-caption")).to_contain_text("After epoch 1: training loss")
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12)
    press(page, "Resume")
    expect(status(page)).to_contain_text("Done: 50 epochs", timeout=4 * LONG)
    expect(keeper(page)).to_contain_text("Run 1, restored (50 epochs, ")


def test_a_line_that_is_silent_for_five_seconds_in_a_run_raises_no_alarm(opened, line):
    page = opened()
    open_lab(page, f"http://127.0.0.1:{line.port}/lab.ipynb")
    set_by_keyboard(page, "Epochs", "End")
    press(page, "Train")
    expect(keeper(page)).to_contain_text("Kept in this browser", timeout=LONG)
    line.freeze()
    page.wait_for_timeout(5000)  # the thing itself
    expect(alarm(page)).to_be_hidden()
    line.mend()
    expect(status(page)).to_contain_text("Done: 50 epochs", timeout=4 * LONG)
    expect(alarm(page)).to_be_hidden()


def see_the_alarm(page):
    expect(page.get_by_role("alert")).to_contain_text("cannot reach its session", timeout=15_000)
    expect(alarm(page)).to_contain_text("Kept in this browser, whatever happens: Run 1 (4 epochs, ")
    expect(alarm(page).get_by_role("button", name="Reload the page")).to_be_visible()


def mend(page, line):
    """The page finds its session again by itself, and everything goes on."""
    expect(alarm(page)).to_be_visible()
    line.mend()
    expect(alarm(page)).to_be_hidden(timeout=LONG)
    train_to_the_end(page)
    expect(keeper(page)).to_contain_text("Run 2 (4 epochs, ")
    expect(alarm(page)).to_be_hidden()


def test_a_line_that_brings_nothing_any_more_is_told_and_mends_by_itself(opened, line):
    page = opened()
    open_lab(page, f"http://127.0.0.1:{line.port}/lab.ipynb")
    train_to_the_end(page)
    expect(keeper(page)).to_contain_text("4 epochs")
    line.freeze()
    see_the_alarm(page)
    assert problems(page) == []
    mend(page, line)


def test_a_line_cut_for_a_minute_is_told_and_mends_by_itself_and_an_idle_page_keeps_its_own(opened, line, voila):
    idle, sockets = opened(), []
    idle.on("websocket", lambda socket: sockets.append(socket))
    open_lab(idle, voila[0])
    page = opened()
    open_lab(page, f"http://127.0.0.1:{line.port}/lab.ipynb")
    train_to_the_end(page)
    expect(keeper(page)).to_contain_text("4 epochs")
    # To ask after a lost session is no activity of the server, which may end sessions in which nothing happens.
    with page.expect_request(re.compile(r"/api/kernels/[\w-]+\?no_track_activity=1$"), timeout=30_000):
        line.cut()
        see_the_alarm(page)
    page.wait_for_timeout(48_000)  # the alarm took twelve seconds
    mend(page, line)
    # The idle page was there for longer than the server waits for a sign of life.
    assert len(sockets) == 1
    expect(alarm(idle)).to_be_hidden()


def two_tabs(opened, address):
    """Two pages of one browser: the first has kept a run of four epochs, then the second one of one epoch."""
    first = opened()
    open_lab(first, address)
    train_to_the_end(first)
    expect(keeper(first)).to_contain_text("4 epochs")
    second = first.context.new_page()
    open_lab(second, address)
    press(second, "One more epoch")
    expect(keeper(second)).to_contain_text("1 epoch")
    return first, second


def test_two_tabs_keep_their_runs_apart_and_one_that_is_open_is_not_offered_elsewhere(opened, voila):
    first, second = two_tabs(opened, voila[0])
    expect(second.get_by_role("button", name=RESTORE)).to_be_hidden()
    first.reload()
    expect(first.get_by_role("button", name=RESTORE)).to_contain_text("(4 epochs, ")
    press(first, "Discard")
    expect(first.get_by_role("button", name=RESTORE)).to_be_hidden()
    press(second, "Resume")  # the other tab is as it was
    expect(keeper(second)).to_contain_text("4 epochs", timeout=LONG)
    second.close()
    first.reload()
    first.get_by_role("button", name=RESTORE).click()
    expect(status(first)).to_contain_text("The run is restored. Done: 4 epochs")
    expect(first.get_by_role("button", name=RESTORE)).to_be_hidden()


def test_of_pages_that_are_gone_the_newest_run_is_offered_first_and_the_others_where_they_are_asked_for(opened, voila):
    first, second = two_tabs(opened, voila[0])
    second.close()
    first.reload()
    offer = first.locator(".mnistlab-bar-offer")
    expect(offer).to_contain_text("Restore your last run (1 epoch, ")
    first.get_by_role("button", name="Show another (1 of 2)").press("Enter")
    expect(offer).to_contain_text("This run is still in this browser, too")
    expect(first.get_by_role("button", name="Show another (2 of 2)")).to_be_focused()
    assert problems(first) == []
    first.keyboard.press("Enter")
    expect(offer).to_contain_text("Restore your last run (1 epoch, ")
    first.keyboard.press("Enter")
    offer.get_by_role("button", name=re.compile(r"Restore this run \(4 epochs, ")).click()
    expect(status(first)).to_contain_text("The run is restored. Done: 4 epochs")
    expect(keeper(first)).to_contain_text("Kept in this browser: Run 1, restored (4 epochs, ")
    second = first.context.new_page()  # what the first tab has restored is its own: nobody else is to discard it
    open_lab(second, voila[0])
    expect(second.locator(".mnistlab-bar-offer")).to_contain_text("Restore your last run (1 epoch, ")
    expect(second.get_by_role("button", name="Show another")).to_have_count(0)
    second.close()
    press(first, "One more epoch")
    expect(keeper(first)).to_contain_text("Kept in this browser: Run 1, restored (5 epochs, ")
    first.reload()
    expect(offer).to_contain_text("Restore your last run (5 epochs, ")
    expect(offer).to_contain_text("Show another (1 of 2)")  # what was restored and went on is kept once
    press(first, "Discard")
    expect(offer).to_contain_text("Restore your last run (1 epoch, ")
    expect(first.get_by_role("button", name=RESTORE)).to_be_focused()
    expect(first.get_by_role("button", name="Show another")).to_have_count(0)


def test_not_now_keeps_the_run_and_a_new_run_puts_the_offer_away(opened, voila):
    page = opened()
    open_lab(page, voila[0])
    train_to_the_end(page)
    expect(keeper(page)).to_contain_text("4 epochs")
    page.reload()
    page.get_by_role("button", name=RESTORE).wait_for()
    assert problems(page) == []
    press(page, "Not now")
    expect(page.get_by_role("button", name=RESTORE)).to_be_hidden()
    page.reload()
    page.get_by_role("button", name=RESTORE).wait_for()
    press(page, "Train")
    expect(page.get_by_role("button", name=RESTORE)).to_be_hidden()


def test_a_notebook_that_mixes_panels_says_once_that_its_session_has_ended(opened, serving, tmp_path):
    cells = (
        "import ipywidgets\nfrom mnistlab.app import *\nlab = Lab()",
        "Live('{images} images'.format, lab, images=ipywidgets.IntSlider(20, 20, 3000, 20, description='Images'))",
        "TrainingPanel(lab)", "KeepingPanel(lab)",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    address = f"http://127.0.0.1:{(port := free_port())}/"
    command = [sys.executable, "-m", "voila", str(tmp_path / "mine.ipynb"), "--template=mnistlab", "--no-browser"]
    process = serving(server([*command, f"--port={port}"], f"{address}static/ready", tmp_path))
    page = opened()
    page.goto(address)
    press(page, "Train")
    expect(keeper(page)).to_contain_text("4 epochs", timeout=LONG)
    type_beside(page, "Images", "1,000")
    expect(page.locator(".mnistlab-shown")).to_have_text("1000 images")
    for kernel in psutil.Process(process.pid).children():
        kernel.kill()
    expect(alarm(page).filter(visible=True)).to_contain_text("Kept in this browser: Run 1 (4 epochs, ", timeout=15_000)
    expect(alarm(page)).to_have_count(2)  # of which one can be seen, or the last line would have failed


def test_leaving_is_asked_about_in_a_run_alone_and_staying_leaves_the_session_alive(opened, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = opened()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    open_lab(page, address)
    begin_long_run(page)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    page.get_by_role("checkbox", name="Slow motion").uncheck()
    expect(status(page)).to_contain_text("Done: 50 epochs", timeout=4 * LONG)
    (kernel,) = psutil.Process(process.pid).children()
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    assert len(asked) == 1
    kernel.wait(30)


def test_leaving_in_a_run_all_the_same_ends_the_kernel(opened, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = opened()
    page.on("dialog", lambda dialog: dialog.accept())
    open_lab(page, address)
    begin_long_run(page)
    (kernel,) = psutil.Process(process.pid).children()
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    kernel.wait(30)


def test_a_server_that_ends_idle_sessions_gets_a_countdown_and_only_a_click_prolongs(opened, serving, tmp_path):
    options = [
        "--MappingKernelManager.cull_idle_timeout=12", "--MappingKernelManager.cull_interval=2",
        "--MappingKernelManager.cull_connected=True",
    ]
    address, process = jupyter(serving, tmp_path, "server", "/user/a-b/", *options)
    page = opened()
    open_lab(page, address + "voila/render/notebooks/lab.ipynb")
    train_to_the_end(page)
    expect(keeper(page)).to_contain_text("4 epochs")
    stay = page.get_by_role("button", name="Keep my session")
    expect(page.locator(".mnistlab-bar-idle")).to_contain_text(re.compile(r"yours is next, in 0:0\d"), timeout=LONG)
    stay.click()
    expect(stay).to_be_hidden()
    expect(stay).to_be_visible(timeout=LONG)
    assert problems(page) == []
    # The page asks after the session's health all the time, and still nothing keeps an idle one alive.
    expect(alarm(page)).to_contain_text("has ended, because nothing happened here", timeout=2 * LONG)
    expect(stay).to_be_hidden()
    press(page, "Reload the page")
    page.get_by_role("button", name=RESTORE).click(timeout=2 * LONG)
    expect(status(page)).to_contain_text("The run is restored. Done: 4 epochs")


def test_the_keeper_speaks_chinese_and_redraws_what_it_said_before_the_language_came(opened, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = opened()
    page.add_init_script(CHINESE_LATE)
    page.goto(address)
    expect(keeper(page)).to_contain_text("这个浏览器里还没有保存任何内容", timeout=2 * LONG)
    files = page.get_by_role("button", name="保存或载入文件", exact=True)
    expect(files).to_be_visible()  # the last panel: so all of them are made anew
    page.locator(".mnistlab-train:visible").click()
    kept = re.compile(r"已保存在这个浏览器里：第 1 次训练（4 轮，\d\d\.\d%）。")
    expect(keeper(page)).to_contain_text(kept, timeout=LONG)
    page.reload()
    offer = page.locator(".mnistlab-bar-offer")
    words = re.compile(r"你上一次的训练还在这个浏览器里。时间：\d{4}/\d+/\d+ \d\d:\d\d:\d\d。")
    expect(offer).to_contain_text(words, timeout=2 * LONG)
    expect(offer).to_have_attribute("aria-label", "你上一次的训练还在这个浏览器里。")
    restore = offer.get_by_role("button", name=re.compile(r"^恢复上一次的训练（4 轮，\d\d\.\d%）$"))
    expect(files).to_be_visible()
    restore.click()
    expect(restore).to_be_hidden()
    files.click()
    with page.expect_download() as saved:
        press(page, "下载网络")
    assert len(load_model(saved.value.path()).history) == 4
    for kernel in psutil.Process(process.pid).children():
        kernel.kill()
    expect(alarm(page)).to_contain_text("会话已结束：页面背后的程序已经不在", timeout=15_000)
    assert problems(page) == []
    # Said in English, then in Chinese: as when the language comes late.
    assert not re.search("[A-Za-z]{2,} [A-Za-z]{2,}", " ".join(page.locator(".mnistlab-keeper-bar").all_inner_texts()))
    page.evaluate("window.mnistlabWords = {}; window.dispatchEvent(new Event('mnistlab-language'))")
    expect(alarm(page)).to_contain_text("Your session has ended: the program behind this page is gone")
    expect(alarm(page).get_by_role("button", name="Reload the page")).to_be_visible()


def test_a_restart_in_jupyterlab_is_said_as_such_and_nothing_else(opened, serving, tmp_path):
    address, _ = jupyter(serving, tmp_path, "lab")
    page = opened(locale="en-GB")
    open_notebook(page, address, "lab.ipynb", "A network learns to read digits")
    press(page, "Train")
    expect(status(page)).to_contain_text("Done: 4 epochs", timeout=2 * LONG)
    line = keeper(page).locator("> p")
    line.scroll_into_view_if_needed()
    expect(line).to_contain_text("Kept in this browser: Run 1 (4 epochs, ")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…", exact=True).click()
    press(page, "Confirm Kernel Restart")
    expect(line).to_have_text("The session was restarted: run the cells of this page again.")
    expect(page.locator(".mnistlab-keeper-bar")).to_have_count(0)
    run_all_cells(page)
    expect(page.get_by_role("button", name=RESTORE)).to_contain_text("(4 epochs, ", timeout=2 * LONG)
    expect(line).to_contain_text("Kept in this browser from before: Run 1 (4 epochs, ")
    page.get_by_role("button", name=RESTORE).click()
    expect(status(page)).to_contain_text("The run is restored. Done: 4 epochs")


def test_where_nothing_ends_sessions_there_is_no_countdown(opened, voila):
    page = opened()
    open_lab(page, voila[0])
    expect(keeper(page)).to_contain_text("Nothing is kept in this browser yet")
    expect(page.locator(".mnistlab-keeper-bar:visible")).to_have_count(0)


def test_network_and_settings_travel_as_files(watched, voila, tmp_path):
    page = watched()
    open_lab(page, voila[0])
    set_by_keyboard(page, "Hidden size", "Home")
    train_to_the_end(page)
    press(page, "Save or load files")
    files = {}
    for words in ("Download the network", "Download the settings", "Download the figures (CSV)"):
        with page.expect_download() as saved:
            press(page, words)
        files[words] = tmp_path / saved.value.suggested_filename
        saved.value.save_as(files[words])
    assert files["Download the figures (CSV)"].read_text().count("\n") == 5
    other = watched()
    open_lab(other, voila[0])
    press(other, "Save or load files")
    said = other.locator(".mnistlab-keeping")
    for words, link in (("Load settings", "Download the settings"), ("Load a network", "Download the network")):
        with other.expect_file_chooser() as chooser:
            press(other, words)
        chooser.value.set_files(files[link])
        expect(said).to_contain_text(files[link].name)
        if words == "Load settings":
            expect(other.get_by_role("slider", name="Hidden size")).to_have_attribute("aria-valuetext", "8")
    expect(status(other)).to_contain_text("The run is loaded. Done: 4 epochs")
    expect(other.locator(".mnistlab-caption")).to_contain_text("After epoch 4")
    press(other, "One more epoch")
    expect(status(other)).to_contain_text("Done: 5 epochs", timeout=LONG)
    with other.expect_file_chooser() as chooser:
        press(other, "Load a network")
    chooser.value.set_files({"name": "notes.npz", "mimeType": "text/plain", "buffer": b"seven"})
    expect(said).to_contain_text("notes.npz cannot be used as a model: it is damaged, or was not written by mnistlab")


def test_a_lesson_says_too_that_its_session_has_ended(opened, serving, tmp_path):
    address, process = serving(app(tmp_path))
    page = opened()
    page.goto(urljoin(address, "01-the-data.ipynb"), timeout=4 * LONG)
    page.locator(".mnistlab-panel-answer").wait_for(state="attached", timeout=4 * LONG)
    (kernel,) = psutil.Process(process.pid).children()
    kernel.kill()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended", timeout=15_000)
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(alarm(page)).to_contain_text("Reload the page to begin again.")
    press(page, "Reload the page")
    page.locator(".mnistlab-panel-answer").wait_for(state="attached", timeout=4 * LONG)
    expect(alarm(page)).to_be_hidden()
