"""Every lesson as a page in Chromium, run from a clean kernel: its equations, its code, exercises and live controls."""

import re
import sys
from urllib.parse import urljoin

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import expect
from test_lessons import cells, exercises_of

from benchmarks.browser import free_port
from benchmarks.front_page import NOTEBOOKS, lessons
from mnistlab import load

from .conftest import app, server
from .steps import LONG, digit_picture, problems
from .test_everyone import Keyboard

OPENED = 120_000
LONGEST_RUN = 90_000  # milliseconds of a whole lesson, its kernel's start included; the slowest takes about 15,000
# What a reader sees of a page while it is still on its way.
LOOK = """
window.early = { text: false, equations: false, lines: [] };
let end = Infinity; // equations are hidden until they are set, for up to five seconds
const look = () => {
  const isShown = (each) => each.checkVisibility({ visibilityProperty: true });
  const loading = document.querySelector("#loading");
  const shown = [...document.querySelectorAll("main :is(h1, h2, h3, p, li, td)")].filter(isShown);
  if (loading && shown.some((each) => each.matches("h1"))) early.text = true;
  const raw = (each) => loading ? each.textContent.includes("$") : /\\$[^$]+\\$/.test(each.textContent);
  if (performance.now() < end && shown.some(raw)) early.equations = true;
  const line = loading && document.querySelector("h1") && (loading.offsetHeight < 150 ? "below" : "alone");
  if (line && !early.lines.includes(line)) early.lines.push(line);
  if (!loading && document.querySelector("h1")) end = Math.min(end, performance.now() + 4500);
  const waiting = loading || document.querySelector(".mnistlab-equation:not(:has(mjx-container))");
  if (!document.querySelector("h1") || waiting && performance.now() < end) requestAnimationFrame(look);
};
look();
"""


# The first cell of a lesson says this on stderr: so a test that sees nothing else there would see a warning. Before it,
# Voilà runs a few lines of its own.
CONTROL = "stderr is shown"
SAY_CONTROL = f"""
import sys
def say(result):
    if "mnistlab" in result.info.raw_cell:
        print({CONTROL!r}, file=sys.stderr)
        get_ipython().events.unregister("post_run_cell", say)
get_ipython().events.register("post_run_cell", say)
"""


@pytest.fixture(scope="module")
def with_stderr(tmp_path_factory):
    """The address of a lab without the internet whose pages show what goes to stderr: warnings and tracebacks."""
    home, before = tmp_path_factory.mktemp("home"), set(NOTEBOOKS.glob("[!.]*"))
    for name, content in (
        (".jupyter/voila.json", '{"VoilaConfiguration": {"show_tracebacks": true}}'),
        (".ipython/profile_default/startup/control.py", SAY_CONTROL),
    ):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(content)
    with app(home, MNISTLAB_MIRROR="http://127.0.0.1:9") as (address, _):
        yield address
    assert set(NOTEBOOKS.glob("[!.]*")) == before  # no lesson writes beside itself


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
def test_a_lesson_is_a_page_whose_controls_work(watched, with_stderr, path):
    page = watched()
    page.add_init_script(LOOK)
    page.goto(urljoin(with_stderr, path.name), timeout=LONGEST_RUN)  # it is whole when the last cell has run
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=OPENED)
    said = page.locator("[data-mime-type='application/vnd.jupyter.stderr']")
    assert [each.strip() for each in said.all_text_contents()] == [CONTROL]
    said.evaluate("element => element.remove()")  # a page has none, and so no colours for it
    seen = page.evaluate("window.early")
    assert seen["text"] and not seen["equations"] and seen["lines"] == ["below"]
    expect(page.locator(".mnistlab-compared").last).to_be_attached(timeout=OPENED)
    expect(page.locator("main img[alt]").first).to_be_attached()
    show_everything(page, path)
    expect(page.locator(".mnistlab-compared").last).to_be_visible()
    expect(page.locator(".mnistlab-source").first).to_be_visible()
    expect(page.get_by_text("Your turn.")).to_have_count(len(exercises_of(path)))
    expect(page.get_by_text("open it in JupyterLab to write")).to_have_count(len(exercises_of(path, "check")))
    expect(page.get_by_text("Type your answer")).to_have_count(len(exercises_of(path, "Answer")))
    if re.search(r"\$[^$]+\$", "\n".join(cells(path, "markdown"))):
        expect(page.locator("mjx-container").first).to_be_visible()
        assert not page.evaluate("window.early.equations")
    live = page.locator(".mnistlab-panel-live")
    expect(page.locator(".mnistlab-panel-live, .mnistlab-panel-train").first).to_be_visible(timeout=LONG)
    expect(live).to_have_count(len(re.findall(r"\bLive\(", "\n".join(cells(path, "code")))), timeout=LONG)
    for one in live.all():
        shown, alarms = one.locator(".mnistlab-shown"), one.locator(".mnistlab-alarm").filter(visible=True)
        expect(alarms).to_have_count(0)
        before = shown.inner_html()
        control = one.locator("[role=slider], select, input").first
        if control.get_attribute("role") == "slider":
            control.focus()
            at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
            control.press("ArrowLeft" if at_end else "ArrowRight")
        elif control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(index=1)
        else:
            control.click()
        expect(shown).not_to_have_js_property("innerHTML", before, timeout=LONG)
        expect(alarms).to_have_count(0)
    if not live.count():
        page.get_by_role("button", name="One more batch").first.click()
        expect(page.locator(".mnistlab-status").first).to_contain_text("Paused after batch 1", timeout=LONG)
    assert problems(page) == []
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 390])
def test_who_reads_a_lesson_while_it_runs_is_left_where_they_are(watched, voila, width):
    page = watched(viewport={"width": width, "height": 600})
    page.add_init_script(LOOK)
    page.goto(urljoin(voila[0], "06-measuring-honestly.ipynb"), wait_until="commit", timeout=OPENED)
    reveals = page.locator(".mnistlab-reveal summary")
    for number in range(2):
        expect(reveals.nth(number)).to_be_visible(timeout=OPENED)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        above, below = reveals.nth(number).bounding_box(), page.locator("#loading").bounding_box()
        assert above["y"] + above["height"] <= below["y"]  # the line covers nothing that can be pressed
        reveals.nth(number).press("Enter")
    expect(reveals.nth(1)).to_be_focused()
    page.evaluate("scrollTo(0, 400)")  # up again: what has the focus is out of sight
    place = page.get_by_role("heading", level=1).bounding_box()["y"]
    assert page.locator("#loading").is_visible()  # so all of that was before its end
    expect(page.locator("#loading")).to_have_count(0, timeout=OPENED)
    expect(page.locator(".mnistlab-panel-live").first).to_be_attached(timeout=OPENED)
    expect(reveals.nth(1)).to_be_focused()
    assert abs(page.get_by_role("heading", level=1).bounding_box()["y"] - place) < 3
    seen = page.evaluate("window.early")
    assert seen["text"] and not seen["equations"]
    assert page.evaluate("Object.values(sessionStorage)") == ["2"]


def test_the_lab_says_alone_that_it_opens(watched, voila):
    page = watched()
    page.add_init_script(LOOK)
    page.goto(voila[0])
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=LONG)
    seen = page.evaluate("window.early")
    assert seen["lines"] == ["alone"] and not seen["text"]


def show_everything(page, path):
    """One prediction after the other as a reader makes them: what comes out, and the rest, wait for each."""
    predictions = page.locator(".mnistlab-reveal")
    expect(predictions).to_have_count("".join(cells(path, "markdown")).count("**Predict.**"))
    everything = page.get_by_role("button", name="Show everything at once")
    expect(page.get_by_text("Sources").last).to_be_hidden()
    expect(predictions.filter(visible=True)).to_have_count(1)
    outcome = page.locator(".mnistlab-page div:has(> .mnistlab-reveal) ~ div .jp-OutputArea-output").first
    expect(outcome).to_be_hidden()
    predictions.first.locator("summary").press("Enter")
    expect(outcome).to_be_visible()
    expect(predictions.filter(visible=True)).to_have_count(2)
    everything.click()
    expect(page.get_by_text("Sources").last).to_be_visible()
    expect(everything).to_be_hidden()


def test_what_has_been_seen_of_a_lesson_stays_seen(watched, voila):
    page = watched()
    page.goto(urljoin(voila[0], lessons()[0].name), timeout=OPENED)
    predictions = page.locator(".mnistlab-reveal")
    for number in range(2):
        predictions.nth(number).locator("summary").click(timeout=OPENED)
    # Each has told the kernel of the page by then; a page that is left in the middle of that says so in its console.
    labs = re.findall(r"\b(?:Live|Answer)\(", "\n".join(cells(lessons()[0], "code")))
    expect(page.locator(".mnistlab-browser")).to_have_count(len(labs), timeout=LONG)
    page.reload()
    expect(predictions.filter(visible=True)).to_have_count(3, timeout=OPENED)
    page.emulate_media(media="print")
    expect(page.get_by_text("Sources").last).to_be_visible()


def test_where_the_browser_keeps_nothing_a_lesson_can_be_shown(watched, voila):
    page = watched()
    page.add_init_script("Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('blocked'); }})")
    page.goto(urljoin(voila[0], lessons()[0].name), timeout=OPENED)
    page.get_by_role("button", name="Show everything at once").click(timeout=OPENED)
    expect(page.get_by_text("Sources").last).to_be_visible()


def test_the_app_that_lesson_10_makes_reads_a_photo(watched, serving, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where its kernel puts the app
    notebook = nbformat.read(NOTEBOOKS / "10-from-notebook-to-app.ipynb", 4)
    client = NotebookClient(notebook, timeout=90)
    with client.setup_kernel():
        for place, cell in enumerate(notebook.cells):
            client.execute_cell(cell, place)
            if "app.ipynb" in cell.source and cell.cell_type == "code":
                break
        (page_file,) = tmp_path.rglob("app.ipynb")
        address = f"http://127.0.0.1:{(port := free_port())}/"
        command = [sys.executable, "-m", "voila", str(page_file), "--no-browser", "--port", str(port)]
        serving(server(command, f"{address}static/ready", tmp_path))
        page = watched()
        page.goto(address)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a photo").click(timeout=OPENED)
        sample, _ = load("sample")
        chooser.value.set_files(
            {"name": "mine.png", "mimeType": "image/png", "buffer": digit_picture(sample, 0)}
        )
        expect(page.get_by_text(f"This is a {sample.labels[0]}, ")).to_be_visible(timeout=LONG)


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 390)])
def test_an_exercise_is_answered_on_the_page_by_keyboard(watched, voila, scheme, width):
    page = watched(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.add_init_script(LOOK)
    page.goto(urljoin(voila[0], "02-a-network-from-scratch.ipynb#Exercise-2.1"), timeout=OPENED)
    field = page.get_by_role("textbox", name="Number of weights", exact=True)
    expect(field).to_be_visible(timeout=OPENED)
    expect(page.get_by_role("heading", name="Exercise 2.1")).to_be_in_viewport()
    assert not page.evaluate("window.early")["text"]  # the reader was not shown the beginning first
    expect(page.locator(".mnistlab-reveal:not([open])").filter(visible=True)).to_have_count(1)  # the next prediction
    panel = page.locator(".mnistlab-panel-answer")
    said = panel.get_by_role("status")
    expect(said).to_contain_text("Your turn.")
    expect(said).to_have_attribute("aria-live", "polite")
    keys = Keyboard(page)
    keys.go("textbox", "Number of weights")
    page.keyboard.type("<b>")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Not yet. The answer is one whole number.")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("79,510")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("That counts a bias for each unit.")
    expect(field).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("79 400")
    keys.press("Check")
    expect(said).to_contain_text("Right. Nearly all of them are in the first layer")
    assert problems(page) == []
    assert sorted(keys.unseen) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["index.ipynb", "teachers.ipynb"])
def test_axe_finds_nothing_on_the_pages_around_the_lessons(watched, voila, name):
    page = watched(viewport={"width": 390, "height": 844})
    page.goto(urljoin(voila[0], name))
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=OPENED)
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width, locale", [(1280, "en-GB"), (390, "zh-CN")])
def test_the_front_page_leads_to_the_lab_and_to_every_lesson(watched, voila, width, locale):
    page = watched(viewport={"width": width, "height": 844}, locale=locale)
    page.goto(urljoin(voila[0], "/"))
    names = ["lab.ipynb", *(path.name for path in lessons()), "teachers.ipynb"]
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=OPENED)
    found = page.locator("main a[href$='.ipynb']").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    assert list(dict.fromkeys(found)) == names
    widths = page.locator("main img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert len(widths) == 11 and min(widths) > 100
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("!document.documentElement.classList.contains('mnistlab-other-language')")
    page.get_by_role("link", name=re.compile("^The lab$")).first.click()
    train = {"en-GB": "Train", "zh-CN": "训练"}[locale]
    expect(page.get_by_role("button", name=train, exact=True)).to_be_visible(timeout=OPENED)
