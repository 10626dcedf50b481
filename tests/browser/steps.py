"""What a student does on the page, in words that the tests share; with language.speak("zh") on a Chinese page."""

import io

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from benchmarks.browser import SEVEN, draw  # noqa: F401 - a step like those below
from mnistlab.language import t

LONG = 30_000
# A script of a browser whose language the server does not know: the panels come in English first, then in Chinese.
CHINESE_LATE = "Object.defineProperty(navigator, 'languages', {get: () => ['zh-CN']})"


def open_lab(page, address):
    """Open the page and wait until it can be used."""
    page.goto(address)
    wait_for_lab(page)


def wait_for_lab(page):
    """Wait until a page that is opening can be used."""
    expect(page.get_by_role("button", name=t("Train"), exact=True)).to_be_visible(timeout=60_000)
    expect(slider(page, t("Training images"))).to_be_visible()


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def set_by_keyboard(page, name, *keys):
    """Move a slider by keys and wait until its readout has followed."""
    handle = slider(page, name)
    before = handle.get_attribute("aria-valuetext")
    handle.focus()
    for key in keys:
        handle.press(key)
    expect(handle).not_to_have_attribute("aria-valuetext", before)


def type_beside(page, name, typed, key="Enter"):
    """Type something beside a slider and press the key, if there is one."""
    page.get_by_role("textbox", name=f"{name} value", exact=True).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(typed)
    if key:
        page.keyboard.press(key)


def set_many_epochs(page):
    """A run of so many does not end by itself, on the fastest machine, before a test has pressed Stop."""
    type_beside(page, t("Epochs"), "10000")
    expect(slider(page, t("Epochs"))).to_have_attribute("aria-valuetext", "10000")


def status(page):
    return page.locator(".mnistlab-status")


def train_to_the_end(page):
    # The message that stands there now may be another run's "Done".
    page.evaluate("document.querySelector('.mnistlab-status .mnistlab-message').dataset.old = 'yes'")
    press(page, t("Train"))
    done = t("Done: {count} epochs.").split("{")[0].strip()
    expect(page.locator(".mnistlab-status .mnistlab-message:not([data-old])")).to_contain_text(done, timeout=LONG)


def upload(page, *files):
    """Choose files with the upload button: paths, or (name, content)."""
    chosen = [
        file if isinstance(file, str) else {"name": file[0], "mimeType": "application/octet-stream", "buffer": file[1]}
        for file in files
    ]
    with page.expect_file_chooser() as chooser:
        press(page, t("Upload a digit"))
    chooser.value.set_files(chosen)


def digit_picture(dataset, row, side=280, kind="PNG"):
    """The bytes of a picture of one image, dark ink on white, `side` pixels wide."""
    picture = Image.fromarray(255 - dataset.image(row)).resize((side, side), Image.Resampling.BICUBIC)
    content = io.BytesIO()
    (picture.convert("RGB") if kind == "BMP" else picture).save(content, kind)
    return content.getvalue()


def problems(page, within="html"):
    """What axe-core has against this part of the page as it stands, in both themes: theme, rule and element."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = Axe().run(page, {"include": [[within]]}).response["violations"]
        found += [(scheme, each["id"], node["html"][:200]) for each in violations for node in each["nodes"]]
    return found
