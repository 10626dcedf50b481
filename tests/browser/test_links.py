"""An experiment that travels as an address, in real Chromium."""

import sys

import pytest
from playwright.sync_api import Error, expect

from benchmarks.browser import free_port

from .conftest import server
from .steps import CHINESE_LATE, open_lab, press, set_by_keyboard, slider, status, train_to_the_end


def value(page, name):
    return slider(page, name).get_attribute("aria-valuetext")


def test_an_address_sets_hides_locks_and_opens(watched, voila):
    address, _ = voila
    page = watched()
    open_lab(page, address + "?lr=0.5&hidden=64&epochs=2&hide=dropout,preset&lock=epochs&panel=mistakes")
    expect(slider(page, "Learning rate")).to_have_attribute("aria-valuetext", "0.500")
    expect(slider(page, "Hidden size")).to_have_attribute("aria-valuetext", "64")
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", "2")
    expect(slider(page, "Epochs")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_label("Preset")).to_be_hidden()
    expect(slider(page, "Dropout rate")).to_be_hidden()
    expect(page.get_by_role("heading", name="Mistakes", exact=True)).to_be_in_viewport()
    expect(page.locator(".mnistlab-panel-mistakes :focus")).to_have_count(1)
    train_to_the_end(page)
    expect(page.locator(".mnistlab-progress")).to_contain_text("of 2")


def test_a_locked_setting_stays_whatever_preset_is_chosen(watched, voila):
    address, _ = voila
    page = watched()
    open_lab(page, address + "?epochs=3&lock=epochs")
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", "3")
    page.get_by_label("Preset").select_option("Too small")
    expect(slider(page, "Hidden size")).to_have_attribute("aria-valuetext", "8")
    expect(status(page)).to_contain_text("because the address of this page locks it: Epochs")
    assert value(page, "Epochs") == "3"


def test_a_copied_link_opens_the_same_experiment(watched, voila):
    address, _ = voila
    page = watched(permissions=["clipboard-read", "clipboard-write"])
    open_lab(page, address)
    set_by_keyboard(page, "Learning rate", "ArrowLeft", "ArrowLeft")
    set_by_keyboard(page, "Hidden size", "ArrowLeft")
    press(page, "Share this experiment")
    page.get_by_label("Lock").select_option("Seed")
    page.get_by_label("Open at").select_option("curves")
    field = page.get_by_label("Address of this experiment")
    page.wait_for_function("document.querySelector('.mnistlab-share input').value.includes('panel=curves')")
    press(page, "Copy link")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == field.input_value() and copied.startswith(address + "?lr=")
    wanted = {name: value(page, name) for name in ("Learning rate", "Hidden size", "Epochs")}
    other = watched()
    open_lab(other, copied)
    for name, shown in wanted.items():
        expect(slider(other, name)).to_have_attribute("aria-valuetext", shown)
    press(other, "More settings")
    expect(other.get_by_label("Seed")).to_be_disabled()


@pytest.mark.parametrize(
    "query, sentence",
    [
        ("lr=<script>document.title='caught'</script>&epochs=7", "Learning rate is"),
        ("lr=<img src=x onerror=document.title='caught'>", "Learning rate is"),
        ("hidden=1e99&seed=-1&panel=\"><script>document.title='caught'</script>", "Hidden size is"),
        ("hidden=[8]&epochs={}&optimizer[]=sgd&lang=<script>document.title='caught'</script>", "Hidden size is"),
        ("lr=" + "9" * 60_000, "too long"),  # a server reads no more than 64 kB
    ],
)
def test_a_hostile_address_does_nothing_but_show_its_sentence(watched, voila, query, sentence):
    address, _ = voila
    page = watched()
    open_lab(page, address + "?" + query)
    expect(status(page)).to_contain_text(sentence)
    expect(page).not_to_have_title("caught")
    assert value(page, "Learning rate") == "0.100"
    train_to_the_end(page)


def test_a_slow_line_loses_nothing_of_an_address(watched, voila):
    page = watched()
    sockets, came = [], []

    def on_frame(frame):
        if b"epochs=7" in (frame.encode() if isinstance(frame, str) else frame):
            came.append("the address, at the kernel")

    def on_socket(socket):
        sockets.append(socket)
        socket.on("framesent", on_frame)

    def deliver(route):
        if sockets:  # the kernel is there, and the code of most widgets is still on its way
            page.wait_for_timeout(500)
            came.append("code")
        route.continue_()

    page.on("websocket", on_socket)
    page.route("**/jupyterlab-manager/static/*.js*", deliver)
    open_lab(page, voila[0] + "?epochs=7&lr=1e99")
    expect(status(page)).to_contain_text("Learning rate is")
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", "7")
    assert set(came[:-1]) == {"code"} and came[-1] == "the address, at the kernel"


def test_an_address_of_a_megabyte_is_refused_or_passed_over_and_the_app_goes_on(opened, voila):
    page = opened()
    with pytest.raises(Error, match="ERR_"):  # the server hangs up, and the browser has a page of its own for that
        page.goto(voila[0] + "?lr=" + "9" * 1_000_000)
    page.wait_for_url("chrome-error://**")  # it comes after the failure, and would interrupt what is done meanwhile
    assert "Traceback" not in page.content()
    open_lab(page, voila[0] + "?epochs=2#lr=" + "9" * 1_000_000)  # what follows the # reaches no server
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", "2")
    assert value(page, "Learning rate") == "0.100"
    train_to_the_end(page)


@pytest.mark.parametrize("late", [False, True])
def test_a_page_is_made_once_where_its_server_hears_which_language_is_preferred(watched, voila, spoken, late):
    spoken("zh")
    page = watched(locale="en-GB" if late else "zh-CN")
    if late:  # only the browser knows
        page.add_init_script(CHINESE_LATE)
    frames = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    open_lab(page, voila[0])
    expect(page.get_by_role("button", name="训练", exact=True)).to_be_visible()
    closed = [frame for frame in frames if b"comm_close" in (frame.encode() if isinstance(frame, str) else frame)]
    assert (len(closed) > 20) == late  # the widgets of the first language go


@pytest.mark.parametrize("query", ["?lang=zh&panel=mistakes", "?panel=mistakes"], ids=["begun so", "made anew"])
def test_a_chinese_page_opens_at_its_panel_with_the_focus_in_it(watched, voila, spoken, query):
    spoken("zh")
    page = watched()
    if "lang" not in query:
        page.add_init_script(CHINESE_LATE)
    open_lab(page, voila[0] + query)
    expect(page.get_by_role("heading", name="错误", exact=True)).to_be_in_viewport()
    expect(page.locator(".mnistlab-panel-mistakes :focus")).to_have_count(1)


def test_an_address_works_behind_a_prefix(watched, serving, tmp_path):
    port = free_port()
    address = f"http://127.0.0.1:{port}/user/a-b/"
    options = [
        "--no-browser", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
        "--ServerApp.port_retries=0", "--allow-root", "--ServerApp.base_url=/user/a-b/",
    ]
    serving(server([sys.executable, "-m", "jupyter", "server", *options], address + "api", tmp_path))
    page = watched()
    open_lab(page, address + "voila/render/notebooks/lab.ipynb?hidden=32&lock=hidden")
    expect(slider(page, "Hidden size")).to_have_attribute("aria-valuetext", "32")
    press(page, "Share this experiment")
    field = page.get_by_label("Address of this experiment")
    assert field.input_value().startswith(address + "voila/render/notebooks/lab.ipynb?hidden=32")
