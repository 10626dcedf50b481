"""The page for everyone, in Chromium: without a mouse, at any width and zoom, with less motion, in either language."""

import re

import pytest
from playwright.sync_api import expect

from .steps import LONG, digit_picture, open_lab, slider, status

TABS = 250
# Whether the focused element shows that it has the focus: by itself, or through what stands around it.
FOCUS_SHOWS = """() => {
  let element = document.activeElement;
  for (let depth = 0; element && depth < 3; element = element.parentElement, depth++) {
    const style = getComputedStyle(element);
    if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) return true;
    if (style.boxShadow !== 'none') return true;
  }
  return false;
}"""


class Keyboard:
    """A reader without a mouse: goes from control to control by Tab, and looks whether each shows the focus."""

    def __init__(self, page):
        self.page, self.unseen, self.places = page, set(), []

    def go(self, role, name, number=0):
        """To the control of this role and name, forwards or backwards, whichever is nearer in the page."""
        target = self.page.get_by_role(role, name=name, exact=isinstance(name, str)).nth(number)
        expect(target).to_be_enabled(timeout=LONG)
        for _ in range(TABS):
            where = target.evaluate(
                "target => target === document.activeElement ? 'here' : document.activeElement === document.body"
                " || document.activeElement.compareDocumentPosition(target) & 4 ? 'Tab' : 'Shift+Tab'"
            )
            if where == "here":
                return target
            self.page.keyboard.press(where)
            if not self.page.evaluate(FOCUS_SHOWS):
                self.unseen.add(self.page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
        raise AssertionError(f"No key leads to the {role} {name}.")

    def press(self, name, number=0):
        self.go("button", name, number)
        self.page.keyboard.press("Enter")

    def choose(self, name, label, number=0):
        """In a drop-down list, by the arrows."""
        chosen = self.go("combobox", name, number)
        wanted = chosen.locator("option").evaluate_all(
            "(all, label) => all.findIndex(option => option.label.replaceAll('\\xa0', ' ') === label)", label
        )
        at = chosen.evaluate("element => element.selectedIndex")
        for _ in range(abs(wanted - at)):
            self.page.keyboard.press("ArrowDown" if wanted > at else "ArrowUp")
        assert chosen.evaluate("element => element.selectedIndex") == wanted >= 0

    def train(self):
        self.page.evaluate("document.querySelector('.mnistlab-status .mnistlab-message').dataset.old = 'yes'")
        self.press("Train")
        done = self.page.locator(".mnistlab-status .mnistlab-message:not([data-old])")
        expect(done).to_contain_text("Done", timeout=LONG)


def test_the_first_hour_without_a_mouse(watched, voila, sample):
    page = watched()
    open_lab(page, voila[0])
    keys = Keyboard(page)
    keys.train()
    focused = page.evaluate("document.activeElement.textContent")
    assert focused in ("Train", "Stop"), "the focus stays at the run's buttons"
    keys.choose("Preset", "Too high a learning rate")
    keys.train()
    keys.press(re.compile("Apply: learning rate 0.1"))
    keys.train()
    keys.press("Earlier runs")
    expect(page.locator(".mnistlab-runs tbody tr")).to_have_count(3)

    keys.go("textbox", "Training images value")
    page.keyboard.press("Control+A")
    page.keyboard.type("1000")
    page.keyboard.press("Enter")
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "1000")
    epochs = slider(page, "Epochs").get_attribute("aria-valuetext")
    keys.choose("Preset", "Too big")
    keys.train()
    expect(page.locator(".mnistlab-hints")).to_contain_text("the network overfits")
    keys.choose("Preset", "Your own settings")
    expect(slider(page, "Epochs")).to_have_attribute("aria-valuetext", epochs)
    keys.press("Change the labels")
    keys.go("slider", "Label noise")
    page.keyboard.press("PageUp")
    keys.train()
    keys.choose("Images of", "Training")
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("training images are read wrongly")
    worst = page.locator(".mnistlab-top-losses select").first
    keys.choose(worst.get_attribute("aria-label"), "Delete")
    expect(page.locator(".mnistlab-changes")).to_contain_text("1 deleted")
    keys.press("Train again on the cleaned set")
    expect(page.locator(".mnistlab-before-after")).to_contain_text("After cleaning", timeout=LONG)
    keys.press("Confusion matrix, precision and recall")
    keys.press(re.compile("^[0-9]+ images? of"), 1)
    expect(page.locator(".mnistlab-cell figure").first).to_be_visible()

    train_set, _ = sample
    with page.expect_file_chooser() as chooser:
        keys.press("Upload a digit")
    chooser.value.set_files(
        {"name": "digit.png", "mimeType": "image/png", "buffer": digit_picture(train_set, 3)}
    )
    expect(page.locator(".mnistlab-prediction")).to_contain_text("says the network")

    keys.press("Switch units off")
    keys.press("Switch off")
    expect(page.locator(".mnistlab-units")).to_contain_text("× 0")
    keys.go("slider", "Unit").press("End")
    keys.press("Switch off all up to this unit")
    expect(page.locator(".mnistlab-units")).to_contain_text(re.compile("and [0-9]+ more"))
    shares = re.findall(r"([0-9.]+)%", page.locator(".mnistlab-units table").first.inner_text())
    assert float(shares[1]) < 30 < float(shares[0]), "without hidden units every image gets the same answer"
    keys.press("Map of a layer")
    points = keys.go("application", re.compile("."))
    points.press("ArrowRight")
    expect(page.locator(".mnistlab-map-card")).to_contain_text("Validation image")

    keys.press("Share this experiment")
    keys.press("Copy link")
    expect(page.get_by_role("button", name=re.compile("Copied|Press Ctrl"))).to_be_visible()
    keys.press("Save or load files")
    with page.expect_download() as download:
        keys.press("Download the network")
    assert download.value.suggested_filename == "mnistlab-network.npz"

    expect(page.locator(".mnistlab-keeper")).to_contain_text(re.compile("Kept in this browser: Run [0-9]+ "))
    page.goto(page.get_by_label("Address of this experiment").input_value())
    expect(slider(page, "Training images")).to_have_attribute("aria-valuetext", "1000", timeout=LONG)
    keys.press(re.compile("Restore your last run"))
    expect(status(page)).to_contain_text("The run is restored")
    expect(page.locator(".mnistlab-top-losses img")).to_have_count(12)
    assert sorted(keys.unseen) == []


def test_the_tab_key_goes_down_the_page_as_one_reads_it(watched, voila):
    page = watched(viewport={"width": 390, "height": 844})  # one column: further on is further down
    open_lab(page, voila[0])
    assert page.locator("[tabindex]").evaluate_all("all => all.filter(each => each.tabIndex > 0).length") == 0
    places = []
    for _ in range(TABS):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "document.activeElement === document.body ? null"
            " : document.activeElement.getBoundingClientRect().bottom + scrollY"
        )
        if place is None:
            break
        places.append(place)
    assert len(places) > 40
    assert [(one, two) for one, two in zip(places, places[1:]) if two < one - 40] == []


@pytest.mark.parametrize("width, height, scale", [(360, 740, 3), (640, 450, 2), (3840, 2160, 1)],
                         ids=["360 px", "zoom 200 %", "4K"])
def test_nothing_sticks_out_and_nothing_is_cut(watched, voila, width, height, scale):
    page = watched(viewport={"width": width, "height": height}, device_scale_factor=scale)
    open_lab(page, voila[0])
    page.get_by_role("button", name="Train", exact=True).click()
    expect(status(page)).to_contain_text("Done", timeout=LONG)
    for toggle in page.locator("button.mnistlab-toggle").all():
        toggle.click()
    for part in page.locator(".mnistlab-inside .widget-toggle-buttons button").all():
        part.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, part.inner_text()
    cut = page.locator(".mnistlab button:visible, .mnistlab .widget-label:visible").evaluate_all(
        "all => all.filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)"
        ".map(each => each.textContent.trim())"
    )
    assert cut == []
    held = page.locator(".mnistlab-top-losses figure").first.evaluate(  # names of classes may be longer than of digits
        "figure => { figure.querySelector('figcaption').prepend('read as an ankle boot with laces, labelled '); "
        "const [inner, outer] = [figure.querySelector('select'), figure].map(each => each.getBoundingClientRect()); "
        "return inner.height > 20 && inner.bottom <= outer.bottom + 1; }"
    )
    assert held


def test_nothing_moves_by_itself_where_less_motion_is_asked_for(watched, voila):
    page = watched(reduced_motion="reduce")
    open_lab(page, voila[0])
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".mnistlab-caption")).to_contain_text(re.compile("First epoch|After epoch"))
    moving = page.evaluate(
        "document.getAnimations().map(each => [each.animationName ?? each.transitionProperty,"
        " each.effect.target.className, each.effect.getTiming().duration]).filter(([, , duration]) => duration > 1)"
    )
    assert moving == []
    scrolling = page.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
    assert scrolling == "auto"
    expect(status(page)).to_contain_text("Done", timeout=LONG)
