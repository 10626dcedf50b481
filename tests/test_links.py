"""Experiments in addresses: whatever is written is read again, and whatever else anybody writes becomes sentences."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistlab import links
from mnistlab.app.sharing import shared_address
from mnistlab.presets import preset
from mnistlab.settings import TABLE, Settings

PANELS = ("train", "mistakes")


def any_value(item):
    about = item.metadata
    if item.type is bool:
        return st.booleans()
    if item.type is str:
        return st.sampled_from(about["choices"])
    return (st.integers if item.type is int else st.floats)(about["low"], about["high"])


@given(st.fixed_dictionaries({}, optional={name: any_value(item) for name, item in TABLE.items()}))
def test_every_setting_goes_there_and_back(values):
    settings = Settings(**values)
    found = links.read("?" + links.write(settings), PANELS)
    assert found.problems == ()
    assert Settings(**found.values) == settings
    assert found.values["seed"] == settings.seed


def test_what_is_hidden_locked_and_opened_goes_there_and_back():
    query = links.write(Settings(), "mnist", ("optimizer", "preset"), ("seed", "dataset"), "mistakes")
    found = links.read(query, PANELS)
    assert (found.dataset, found.hide, found.lock, found.panel) == (
        "mnist", ("optimizer", "preset"), ("seed", "dataset"), "mistakes"
    )
    assert "," in query  # as a person would write it


def test_short_keys_and_whole_names_mean_the_same():
    asked = links.read("?lr=0.5&hidden=64&hide=optimizer,lr&lock=seed&panel=mistakes", PANELS)
    whole = "learning_rate=0.5&hidden_size=64&hide=optimizer,learning_rate&lock=seed&panel=mistakes"
    assert asked == links.read(whole, PANELS)
    assert asked.values == {"learning_rate": 0.5, "hidden_size": 64}
    assert asked.hide == ("optimizer", "learning_rate")
    assert links.read("label-noise=0.2&lock=label-noise") == links.read("label_noise=0.2&lock=label_noise")
    assert links.read("label-noise=0.2").values == {"label_noise": 0.2}


def test_a_preset_is_the_ground_for_single_values_wherever_it_stands():
    found = links.read("lr=0.25&preset=quick")
    assert found.values["learning_rate"] == 0.25
    assert found.values["schedule"] == preset("quick").values["schedule"]
    assert "seed" not in found.values


@pytest.mark.parametrize(
    "query, sentence",
    [
        ("lr=abc", "Learning rate is 'abc'; it must be a number from 1e-06 to 1000. It stays at 0.1."),
        ("preset=quick&lr=-1", "It stays at 0.5."),
        ("epochs=2.5", "Epochs is 2.5; it must be a whole number from 1 to 10000. It stays at 4."),
        ("epochs=", "Epochs is ''"),
        ("lr=nan", "Learning rate is nan"),
        ("seed=" + "9" * 5000, "Seed is inf"),
        ("batch_norm=maybe", "it must be True or False"),
        ("optimizer=<script>alert(1)</script>", "it must be one of sgd"),
        ("preset=nosuch", "The presets are tutorial"),
        ("dataset=../../etc", "The datasets are sample"),
        ("panel=nosuch", "The panels are train, mistakes. It is left out."),
        ("hide=nosuch,seed", "There is no control 'nosuch' to hide."),
        ("color=red", "There is nothing called 'color'"),
        ("%00=%ff", "There is nothing called"),
        ("lr=" + "1" * 20_000, "too long"),
        ("x" * 1_000_000, "too long"),
        ("&".join(f"a{number}=1" for number in range(1000)), "too long"),
    ],
)
def test_what_cannot_be_used_is_said_and_changes_nothing(query, sentence):
    found = links.read(query, PANELS)
    (problem,) = found.problems
    assert sentence in problem and len(problem) < 300
    assert set(found.values) <= (set(TABLE) if "preset=quick" in query else set())
    assert found.values.get("learning_rate", 0.5) == 0.5
    assert found.hide in ((), ("seed",)) and (found.lock, found.dataset, found.panel) == ((), "", "")


def test_what_servers_add_is_not_judged():
    assert links.read("?token=abc&reset&voila-theme=dark&lang=zh") == links.Link({})
    assert links.read("?redirects=2&file-browser-path=/a&utm_source=b&fbclid=c&jupyterhub-x=d") == links.Link({})
    assert links.read("") == links.read("?") == links.Link({})


@given(st.text())
def test_no_address_raises(query):
    found = links.read(query, PANELS)
    Settings(**found.values)


def test_on_binder_the_address_leads_to_a_session_of_ones_own():
    page = "https://hub.example.org/user/someone-x1/voila/render/notebooks/lab.ipynb"
    hub = {"JUPYTERHUB_SERVICE_PREFIX": "/user/someone-x1/", "JUPYTERHUB_BASE_URL": "/"}
    there = {"BINDER_LAUNCH_HOST": "https://binder.example.org/", "BINDER_REQUEST": "v2/gh/a/b/main", **hub}
    address = urlsplit(shared_address(page, "lr=0.5&hide=seed,l1", there))
    assert (address.netloc, address.path) == ("binder.example.org", "/v2/gh/a/b/main")
    assert parse_qs(address.query) == {"urlpath": ["voila/render/notebooks/lab.ipynb?lr=0.5&hide=seed,l1"]}
    assert shared_address(page, "lr=0.5", {}) == page + "?lr=0.5"
    lab = "https://hub.example.org/user/someone-x1/lab/tree/notebooks/lab.ipynb"
    assert parse_qs(urlsplit(shared_address(lab, "seed=1", there)).query)["urlpath"] == [
        "lab/tree/notebooks/lab.ipynb?seed=1"
    ]
    own = "https://hub.example.org/hub/user-redirect/voila/render/notebooks/lab.ipynb?lr=0.5"
    assert shared_address(page, "lr=0.5", hub) == own
    below = page.replace("org/", "org/school/")
    school = {"JUPYTERHUB_SERVICE_PREFIX": "/school/user/someone-x1/", "JUPYTERHUB_BASE_URL": "/school/"}
    assert shared_address(below, "lr=0.5", school) == own.replace("org/", "org/school/")
