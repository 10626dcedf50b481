"""The inside panel in a real browser: every control used once and its effect seen, also while a run goes on."""

import re

import pytest
from playwright.sync_api import expect

from .steps import LONG, open_lab, press, set_by_keyboard, set_many_epochs, slider, status, train_to_the_end

PARTS = (
    "First weights", "Activations", "Which pixels matter", "Switch units off", "Map of a layer", "Between two images",
    "Step by step", "Gradients and dead units",
)


def inside(page):
    return page.locator(".mnistlab-inside")


def choose(page, name, option):
    inside(page).get_by_role("combobox", name=name, exact=True).select_option(option)


def changes(page, selector, action):
    """Do something and wait until what the selector finds says, or shows, something else."""
    place = page.locator(selector)
    before = place.inner_html()
    action()
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).innerHTML !== before", arg=[selector, before]
    )


def trained(page, voila, part):
    open_lab(page, voila[0])
    train_to_the_end(page)
    press(page, part)


def test_it_says_to_train_first_and_opens_by_itself(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    note = page.locator(".mnistlab-inside-note")
    expect(note).to_contain_text("press Train, then choose here")
    press(page, "Activations")
    expect(page.get_by_role("button", name="Activations", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(note).to_contain_text("press Train, then choose here")
    expect(page.locator(".mnistlab-activations")).to_have_count(0)
    train_to_the_end(page)
    expect(page.locator(".mnistlab-activations")).to_contain_text("units answer with more than 0")
    press(page, "Reset")
    expect(note).to_contain_text("press Train, then choose here")
    expect(page.locator(".mnistlab-activations")).to_have_count(0)


@pytest.mark.parametrize("convolution", [False, True], ids=["dense", "convolution"])
def test_every_part_moves_while_the_network_learns(watched, voila, convolution):
    page = watched()
    open_lab(page, voila[0])
    if convolution:
        press(page, "More settings")
        page.get_by_role("checkbox", name="Convolution").check()
    set_many_epochs(page)
    page.get_by_role("checkbox", name="Slow motion").check()
    press(page, "Train")
    expect(status(page)).to_contain_text("Training")
    shows = {
        "First weights": ".mnistlab-weights", "Activations": ".mnistlab-activations",
        "Which pixels matter": ".mnistlab-pixels", "Step by step": ".mnistlab-sums",
    }
    for part, selector in shows.items():  # batch by batch
        press(page, part)
        expect(page.locator(selector)).to_be_visible()
        changes(page, selector, lambda: expect(page.locator(f"{selector} img").first).to_be_visible())
    page.get_by_role("checkbox", name="Slow motion").uncheck()
    shows = {
        "Switch units off": ".mnistlab-units", "Map of a layer": ".mnistlab-map-said",
        "Between two images": ".mnistlab-between", "Gradients and dead units": ".mnistlab-health",
    }
    for part, selector in shows.items():  # epoch by epoch
        press(page, part)
        expect(page.locator(f"{selector} p").first).to_be_visible()
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped", timeout=LONG)


def test_an_image_is_picked_by_order_class_and_number(watched, voila):
    page = watched()
    trained(page, voila, "Which pixels matter")
    pixels, first = ".mnistlab-pixels", page.locator(".mnistlab-pixels img").first
    expect(page.locator(f"{pixels} img")).to_have_count(4)
    worst = first.get_attribute("alt")
    for name in ("Next", "Previous", "Previous"):
        changes(page, pixels, lambda: press(page, name))
    changes(page, pixels, lambda: press(page, "Worst"))
    expect(first).to_have_attribute("alt", worst)
    changes(page, pixels, lambda: choose(page, "Class", "2"))
    expect(first).to_have_attribute("alt", re.compile("a 2$"))
    changes(page, pixels, lambda: choose(page, "Class", "all"))
    expect(first).to_have_attribute("alt", worst)
    number = inside(page).get_by_role("spinbutton", name="Image")
    number.fill("17")
    number.press("Enter")
    expect(first).to_have_attribute("alt", re.compile("Validation image 17 "))
    predicted = page.get_by_role("img", name="Occlusion for").get_attribute("alt")[-1]
    other = str((int(predicted) + 1) % 10)
    choose(page, "Evidence for", other)
    expect(page.get_by_role("img", name=f"Occlusion for {other}")).to_be_visible()
    choose(page, "Evidence for", "the predicted class")
    expect(page.get_by_role("img", name=f"Occlusion for {predicted}")).to_be_visible()
    press(page, "Activations")
    expect(page.locator(".mnistlab-activations img").first).to_have_attribute("alt", re.compile("Validation image 17 "))


def test_weights_are_shown_whole_and_by_pages(watched, voila):
    page = watched()
    trained(page, voila, "First weights")
    image = page.locator(".mnistlab-weights img")
    expect(image).to_have_attribute("alt", re.compile("48 of the 256 units"))
    changes(page, ".mnistlab-weights", lambda: choose(page, "Weights", "as they are"))
    changes(page, ".mnistlab-weights", lambda: choose(page, "Units", "241–256"))
    expect(image).to_have_attribute("alt", re.compile("16 of the 256 units"))


def test_units_are_scaled_switched_off_and_put_back(watched, voila):
    page = watched()
    trained(page, voila, "Switch units off")
    result = page.locator(".mnistlab-units")
    expect(result).to_contain_text("Nothing is changed yet")
    set_by_keyboard(page, "Unit", "ArrowRight", "ArrowRight")
    expect(result).to_contain_text("Unit 3 of hidden layer 1")
    set_by_keyboard(page, "Scale", "End")
    expect(result).to_contain_text("unit 3 × 2")
    press(page, "Switch off")
    expect(result).to_contain_text("unit 3 × 0")
    expect(slider(page, "Scale")).to_have_attribute("aria-valuetext", "0.00")
    set_by_keyboard(page, "Unit", "End")
    press(page, "Switch off all up to this unit")
    expect(result).to_contain_text("and 248 more")
    expect(result).to_contain_text("fewer of the images are read rightly")
    press(page, "Put all back")
    expect(result).to_contain_text("Nothing is changed yet")
    set_by_keyboard(page, "Hidden layers", "Home")
    train_to_the_end(page)
    expect(result).to_contain_text("no hidden unit")
    expect(slider(page, "Scale")).to_be_hidden()
    expect(page.get_by_role("button", name="Put all back")).to_be_hidden()


def test_the_map_is_read_by_mouse_and_by_keyboard(watched, voila):
    page = watched()
    trained(page, voila, "Map of a layer")
    layer = inside(page).get_by_role("combobox", name="Layer")
    expect(layer.locator("option")).to_have_text(["Pixels", "Hidden layer 1", "Logits"])
    points, card = page.get_by_role("application"), page.locator(".mnistlab-map-card")
    expect(points.locator("text")).to_have_count(400)
    for name in ("Hidden layer 1", "Logits"):
        changes(page, ".mnistlab-map-said", lambda: choose(page, "Layer", name))
        expect(page.locator(".mnistlab-map-said")).to_contain_text(f"{name}: 400 validation images")
    page.locator(".mnistlab-map-points text").nth(7).hover(force=True)
    expect(card).to_contain_text("Validation image")
    points.focus()
    said = set()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        points.press(key)
        said.add(card.inner_text())
    assert len(said) > 1
    drawn = page.locator(".mnistlab-map-image").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 112, 112).data]"
    )
    assert max(drawn[::4]) > 200  # a white stroke
    points.press("Enter")
    expect(card).to_contain_text("Picked for the other parts")
    number = re.search(r"image (\d+)", card.inner_text())[1]
    page.locator(".mnistlab-map-table summary").click()
    expect(page.get_by_role("table", name="Where each class lies")).to_be_visible()
    press(page, "Which pixels matter")
    image = page.locator(".mnistlab-pixels img").first
    expect(image).to_have_attribute("alt", re.compile(f"Validation image {number} "))
    press(page, "Map of a layer")  # what was left is there again
    expect(page.get_by_role("application").locator("text")).to_have_count(400)


def test_the_way_between_two_images(watched, voila):
    page = watched()
    trained(page, voila, "Between two images")
    between = ".mnistlab-between"
    expect(page.locator(f"{between} img")).to_have_count(14)
    changes(page, between, lambda: choose(page, "Towards", "6"))
    changes(page, between, lambda: press(page, "Another"))
    changes(page, between, lambda: press(page, "Next"))
    press(page, "More settings")
    set_by_keyboard(page, "Hidden layers", "ArrowRight")
    train_to_the_end(page)
    changes(page, between, lambda: choose(page, "Layer", "Hidden layer 2"))
    expect(page.locator(between)).to_contain_text("In hidden layer 2")


def test_the_sums_follow_unit_class_and_temperature(watched, voila):
    page = watched()
    trained(page, voila, "Step by step")
    sums = page.locator(".mnistlab-sums")
    set_by_keyboard(page, "Unit to follow", "ArrowRight")
    expect(sums).to_contain_text("unit 2: a sum of 784 products")
    choose(page, "Class to follow", "4")
    expect(sums).to_contain_text("class 4: a sum of 256 products")
    surest = page.locator(".mnistlab-sums .mnistlab-best td").nth(3)
    before = float(surest.inner_text().rstrip("%"))
    set_by_keyboard(page, "Temperature", "End")
    expect(sums).to_contain_text("softmax at temperature 10.00")
    assert float(surest.inner_text().rstrip("%")) < before
    set_by_keyboard(page, "Temperature", "Home")
    expect(sums).to_contain_text("softmax at temperature 0.10")


def test_gradients_have_curves_and_a_table(watched, voila):
    page = watched()
    trained(page, voila, "Gradients and dead units")
    expect(page.get_by_role("img", name="Length of the gradient and share of dead units")).to_be_visible()
    expect(page.locator(".mnistlab-health")).to_contain_text("After epoch 4")
    page.locator(".mnistlab-health-table summary").click()
    table = page.get_by_role("table", name="By epoch").and_(page.locator(".mnistlab-health-table table"))
    expect(table).to_contain_text("gradient, output layer")


def test_nothing_is_wider_than_a_phone(watched, voila):
    page = watched(viewport={"width": 360, "height": 800})
    trained(page, voila, "First weights")
    for part in PARTS:
        press(page, part)
        expect(page.get_by_role("button", name=part, exact=True)).to_have_attribute("aria-pressed", "true")
        expect(inside(page).locator("img, svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
