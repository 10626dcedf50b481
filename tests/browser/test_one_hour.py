"""The README's "One hour with mnistlab": each thing done as it is written there, on a fresh page, in both languages."""

import re
from functools import partial

import pytest
from playwright.sync_api import expect

from mnistlab import language
from mnistlab.language import t
from mnistlab.presets import PRESETS

from .steps import LONG, SEVEN, draw, open_lab, press, set_by_keyboard, slider, status, train_to_the_end

HOUSE = (
    ((0.15, 0.5), (0.5, 0.15), (0.85, 0.5)), ((0.22, 0.5), (0.22, 0.88), (0.78, 0.88), (0.78, 0.5)),
    ((0.45, 0.88), (0.45, 0.68), (0.58, 0.68), (0.58, 0.88)),
)


@pytest.fixture(params=language.LANGUAGES)
def address(voila, request, spoken):
    """The lab's address in one language, which is that of `t` here as well."""
    spoken(request.param)
    return f"{voila[0]}?lang={request.param}"


@pytest.fixture
def page(watched, address):
    opened = watched()
    open_lab(opened, address)
    return opened


def button(page, english):
    return page.get_by_role("button", name=t(english), exact=True)


def choose(page, preset):
    page.get_by_role("combobox", name=t("Preset")).select_option(label=t(PRESETS[preset].title))


def words(english):
    """A regular expression of a sentence of the page, whatever stands in its fields."""
    parts = (re.escape(part) for part in re.split(r"\{.*?\}", re.sub("<.*?>", "", t(english))))
    return re.compile(".*?".join(parts))


def type_number(page, name, number):
    """Type a number beside the slider of this English name."""
    field = page.get_by_role("textbox", name=t("{name} value", name=t(name)))
    field.fill(number)
    field.press("Enter")
    expect(slider(page, t(name))).to_have_attribute("aria-valuetext", re.compile(rf"^{number}0*$"))


def accuracy(page):
    """The validation accuracy of the status line, in percent."""
    return float(re.search(r"([\d.]+)%", status(page).inner_text())[1])


def curve_figures(page):
    """Training and validation accuracy of the newest epoch, in percent."""
    caption = page.locator(".mnistlab-caption").inner_text()
    return [float(share) for share in re.findall(r"([\d.]+)%", caption)[:2]]


def test_1_train(page):
    train_to_the_end(page)
    assert accuracy(page) > 85
    training, validation = curve_figures(page)
    assert training > 90 and validation > 85
    images = page.locator(".mnistlab-top-losses img")
    expect(images).to_have_count(12)
    press(page, t("One more epoch"))
    expect(status(page)).to_contain_text(t("Done: {count} epochs.", count=5))


def test_2_break_it_with_the_learning_rate(page):
    choose(page, "too-high")
    train_to_the_end(page)
    assert accuracy(page) < 60
    hints = page.locator(".mnistlab-hints")
    too_high = "{what}: the learning rate, {rate:g}, is too high; begin again with a lower one."
    expect(hints).to_contain_text(words(too_high))
    hints.get_by_role("button", name=re.compile(f"{t('Learning rate')} 0.1", re.I)).first.click()
    train_to_the_end(page)
    assert accuracy(page) > 85
    press(page, t("Earlier runs"))
    expect(page.locator(".mnistlab-runs tbody tr")).to_have_count(2)


def test_3_overfit_it(page):
    type_number(page, "Training images", "1000")
    choose(page, "too-big")
    train_to_the_end(page)
    training, validation = curve_figures(page)
    assert training == 100 and validation < 93
    overfits = {"en": "the network overfits", "zh": "网络过拟合了"}[language.spoken()]
    expect(page.locator(".mnistlab-hints")).to_contain_text(overfits)
    set_by_keyboard(page, t("Training images"), "End")
    train_to_the_end(page)
    assert curve_figures(page)[1] > validation


def test_4_find_its_mistakes_and_clean_them(page):
    choose(page, "too-big")  # as the step before has left it
    expect(slider(page, t("Epochs"))).to_have_attribute("aria-valuetext", "20")
    page.get_by_role("combobox", name=t("Preset")).select_option(label=t("Your own settings"))
    expect(slider(page, t("Epochs"))).to_have_attribute("aria-valuetext", "4")
    type_number(page, "Training images", "500")
    type_number(page, "Epochs", "20")
    type_number(page, "Hidden size", "64")
    press(page, t("Change the labels"))
    type_number(page, "Label noise", "0.2")
    train_to_the_end(page)
    page.get_by_role("combobox", name=t("Images of")).first.select_option(t("Training"))
    expect(page.locator(".mnistlab-top-losses")).to_contain_text(
        words("{wrong:,} of {total:,} training images are read wrongly.")
    )
    choices = page.locator(".mnistlab-top-losses select")
    to_be_changed = partial(
        t, "To be changed: {deleted} deleted, {relabelled} with a new label. No file is ever changed.", relabelled=0
    )
    for number in range(12):
        choices.nth(number).select_option("delete")
        expect(page.locator(".mnistlab-changes")).to_contain_text(to_be_changed(deleted=number + 1))
    for number in 24, 36:
        press(page, t("12 more"))
        press(page, t("Delete all shown"))
        expect(page.locator(".mnistlab-changes")).to_contain_text(to_be_changed(deleted=number))
    press(page, t("Train again on the cleaned set"))
    sides = page.locator(".mnistlab-before-after")
    expect(sides).to_contain_text(t("After cleaning"), timeout=LONG)
    before, after = (float(sides.locator("td:nth-child(2)").nth(row).inner_text().rstrip("%")) for row in (0, 1))
    assert after > before


def test_5_fool_it_with_a_drawing(page):
    for name, value in (("Training images", "500"), ("Epochs", "20"), ("Hidden size", "64")):  # as the step before
        type_number(page, name, value)
    press(page, t("Change the labels"))
    type_number(page, "Label noise", "0.2")
    choose(page, "quick")
    expect(slider(page, t("Label noise"))).to_have_attribute("aria-valuenow", "0.0")
    set_by_keyboard(page, t("Training images"), "End")
    train_to_the_end(page)
    assert accuracy(page) > 85
    answer, seven = page.locator(".mnistlab-drawn"), page.locator(".mnistlab-drawn .mnistlab-verdict b")
    draw(page, SEVEN)
    expect(seven).to_have_text("7")
    press(page, t("Clear"))
    expect(answer).to_contain_text(t("The answer follows your pen."))
    draw(page, *HOUSE)
    expect(answer).to_contain_text({"en": "Not like the training images", "zh": "和训练图像不像"}[language.spoken()])
    expect(seven).to_have_text(re.compile(r"^\d$"))
    press(page, t("Clear"))
    expect(answer).to_contain_text(t("The answer follows your pen."))
    draw(page, ((0.5, 0.1), (0.52, 0.9)))
    expect(seven).to_have_text("1")
    heights = answer.locator(".mnistlab-steps img").evaluate_all("all => all.map((image) => image.offsetHeight)")
    assert len(heights) == 5 and max(heights) < 90  # a 1 cropped to its ink is many times as high as wide


def test_6_look_inside(page):
    press(page, t("First weights"))
    train_to_the_end(page)
    expect(page.locator(".mnistlab-weights img")).to_be_visible()
    press(page, t("Switch units off"))
    result = page.locator(".mnistlab-units")
    expect(result).to_contain_text(t("Nothing is changed yet: move Scale, or switch a unit off."))
    type_number(page, "Unit", "128")
    press(page, t("Switch off all up to this unit"))
    expect(result).to_contain_text(words("{count} fewer of the images are read rightly."))
    as_it_is, changed = (float(share) for share in re.findall(r"([\d.]+)%", result.inner_text())[:2])
    assert 70 < changed < as_it_is
    press(page, t("Map of a layer"))
    points = page.get_by_role("application")
    expect(points.locator("text")).to_have_count(400)
    points.locator("text").nth(7).hover(force=True)
    expect(page.locator(".mnistlab-map-card")).to_contain_text(re.compile(r"\d"))


def test_7_send_an_experiment(page, watched):
    set_by_keyboard(page, t("Hidden size"), "ArrowLeft")
    set_by_keyboard(page, t("Epochs"), "ArrowLeft")
    press(page, t("Share this experiment"))
    page.get_by_label(t("Lock")).select_option(t("Seed"))
    page.wait_for_function("document.querySelector('.mnistlab-share input').value.includes('lock=seed')")
    copied = page.locator(".mnistlab-share input").input_value()
    train_to_the_end(page)
    other = watched(locale={"en": "en-GB", "zh": "zh-CN"}[language.spoken()])  # the language is the reader's own
    open_lab(other, copied)
    train_to_the_end(other)
    assert status(other).inner_text() == status(page).inner_text()
    press(other, t("More settings"))
    expect(other.get_by_label(t("Seed"))).to_be_disabled()


def test_8_keep_your_work(opened, address):
    page = opened()  # a reload in the middle of a message is an error to the console
    open_lab(page, address)
    train_to_the_end(page)
    expect(page.locator(".mnistlab-keeper")).to_contain_text(t("{count} epochs", count=4), timeout=LONG)
    page.reload()
    page.get_by_role("button", name=words("Restore your last run ({said})")).click(timeout=2 * LONG)
    expect(status(page)).to_contain_text(words("The run is restored. {summary} One more epoch trains it further."))
    press(page, t("One more epoch"))
    expect(status(page)).to_contain_text(t("Done: {count} epochs.", count=5), timeout=LONG)
    press(page, t("Save or load files"))
    with page.expect_download() as download:
        press(page, t("Download the network"))
    assert download.value.suggested_filename == "mnistlab-network.npz"
