"""Files of every sort that people bring, in Chromium: photos into Your digit, zips into the data panel."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from test_variations import zip_of

from .steps import LONG, open_lab, press, status, train_to_the_end, upload


@pytest.fixture
def seven(sample):
    """The first 7 of the test set, as a PIL image, dark on white, 280 pixels a side."""
    held_out = sample[1]
    row = int(np.flatnonzero(held_out.labels_of() == 7)[0])
    return Image.fromarray(255 - held_out.image(row)).resize((280, 280), Image.Resampling.BICUBIC)


def saved(picture, kind, **options):
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def turned(picture, side=None):
    """A JPEG whose pixels lie on their side, and whose EXIF says so (orientation 6: turn clockwise to see it)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = picture.resize((side, side)) if side else picture
    return saved(picture.convert("RGB").rotate(90), "JPEG", exif=exif, quality=95)


def transparent(picture, ink):
    """A PNG with ink of one colour on a ground that is not there."""
    drawn = Image.new("RGBA", picture.size, ink)
    drawn.putalpha(Image.fromarray(255 - np.asarray(picture)))
    return saved(drawn, "PNG")


def noisy(picture, side):
    """A large photo: a PNG full of noise, which does not get smaller by packing."""
    values = np.asarray(picture.resize((side, side)), np.int16)
    values = np.repeat(values[..., None], 3, axis=2) + np.random.default_rng(0).integers(-16, 17, (side, side, 3))
    return saved(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), "PNG", compress_level=1)


def test_photos_of_every_sort_are_read_as_the_digit_they_show(watched, voila, seven):
    page = watched()
    open_lab(page, voila[0])
    train_to_the_end(page)
    inverted = Image.fromarray(255 - np.asarray(seven))
    large = turned(seven, side=3000)  # made small, and turned, by the browser
    assert len(large) > 200_000
    files = {
        "upright.jpg": saved(seven, "JPEG"), "turned.jpg": turned(seven), "large-turned.jpg": large,
        "transparent.png": transparent(seven, "black"), "transparent-bright.png": transparent(seven, "white"),
        "inverted.png": saved(inverted, "PNG"),
        "photo.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(1000),
        "large.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(3_000_000),
    }
    upload(page, *files.items())
    answers = page.locator(".mnistlab-prediction .mnistlab-result")
    expect(answers).to_have_count(len(files), timeout=LONG)
    for place, name in enumerate(files):
        if name.endswith("heic"):
            sentence = f"{name} is a HEIC photo, which cannot be read here. Save it as JPEG and try again."
            expect(answers.nth(place)).to_have_text(sentence)
        else:
            expect(answers.nth(place)).to_contain_text("This is 7, says the network")
    shapes = answers.locator("img[alt^='Your image']").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(shapes) == 6 and max(shapes) <= 256


def test_a_photo_of_twelve_megabytes_sends_less_than_two_hundred_kilobytes_in_all(watched, voila, seven):
    page = watched()
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(size_of(frame))))
    open_lab(page, voila[0])
    train_to_the_end(page)
    photo = noisy(seven, 2700)
    assert 12_000_000 < len(photo) < 20_000_000
    before = sum(sent)
    upload(page, ("photo.png", photo))
    expect(page.locator(".mnistlab-prediction")).to_contain_text("This is 7, says the network", timeout=2 * LONG)
    assert 1000 < sum(sent) - before < 200_000
    # A file that is small is sent as it is: so the bytes of a photo are among those that are counted.
    small = saved(seven, "BMP")
    before = sum(sent)
    upload(page, ("small.bmp", small))
    expect(page.get_by_role("img", name="Your image small.bmp")).to_be_visible(timeout=LONG)
    assert sum(sent) - before >= len(small) > 70_000


def size_of(frame):
    """The bytes of a frame; text is counted as it is sent."""
    return len(frame.encode() if isinstance(frame, str) else frame)


def test_a_zip_leaves_out_what_is_bad_and_a_zip_bomb_is_refused(watched, voila):
    page = watched()
    open_lab(page, voila[0])
    press(page, "Your own images")
    said = page.locator(".mnistlab-own")

    def bring(name, content):
        page.locator(".mnistlab-panel-data input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/zip", "buffer": content}
        )

    bring("shapes.zip", zip_of(20))
    expect(said).to_contain_text("40 images are in use from the next run on.", timeout=LONG)
    expect(said.get_by_role("listitem")).to_have_text(["circle/broken.png is not an image that can be read here. "
                                                       "Choose a PNG, JPEG, WEBP, GIF or BMP file."])
    note = page.locator(".mnistlab-data-note")
    expect(note).to_contain_text("shapes: 40 images")
    bomb = io.BytesIO(zip_of(3))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as folder:
        for number in range(6):
            folder.writestr(f"circle/bomb{number}.bmp", bytes(10_000_000))
    assert len(bomb.getvalue()) < 200_000
    bring("bomb.zip", bomb.getvalue())
    expect(said.get_by_role("alert")).to_contain_text("would unpack to 60 MB, so it was not unpacked", timeout=LONG)
    expect(note).to_contain_text("shapes: 40 images")  # what was in use stays
    bring("notes.zip", b"no zip")
    expect(said.get_by_role("alert")).to_contain_text("The file is not a zip, or it is damaged.")
    expect(status(page)).to_contain_text("Ready")
    train_to_the_end(page)
    expect(page.locator(".mnistlab-top-losses")).to_contain_text("circle")
