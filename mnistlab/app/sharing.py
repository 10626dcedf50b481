"""The address of the experiment as it is set up now, for a teacher to send."""

import os
from html import escape
from urllib.parse import quote, urlsplit

import ipywidgets

from .. import links
from ..data import NAMES
from ..language import t
from ..settings import TABLE
from .parts import help_text, make, text

# Panels, by what an address calls them.
PANELS = {
    "data": "data", "train": "train", "curves": "curves", "mistakes": "mistakes", "digit": "digit",
    "inside": "inside", "keep": "keep",
}
LOCAL = ("127.0.0.1", "localhost", "::1")


class Sharing(ipywidgets.VBox):
    """The address with a button that copies it, and what it should hide, lock or open. lab: the shared Lab."""

    def __init__(self, lab):
        self.lab = lab
        self.field = text("", "mnistlab-share", lab=lab)
        controls = [(t("Preset"), "preset"), (t("Dataset"), "dataset")]
        controls += [(t(item.metadata["label"]), name) for name, item in TABLE.items()]
        many = dict(options=controls, rows=5)
        self.hide = make(lab, ipywidgets.SelectMultiple, description=t("Hide"), **many)
        self.lock = make(lab, ipywidgets.SelectMultiple, description=t("Lock"), **many)
        names = dict.fromkeys(panel.name for panel in lab.panels)
        places = [(t("the top"), ""), *((t(PANELS[name]) if name in PANELS else name, name) for name in names)]
        self.panel = make(lab, ipywidgets.Dropdown, description=t("Open at"), options=places)
        for widget in (self.hide, self.lock, self.panel):
            widget.observe(lab.guard(lambda change: self._show()), "value")
        lab.observe(lab.guard(lambda change: self._show()), ["settings_seen", "dataset", "link"])
        self._show()
        chosen = ipywidgets.Box([self.hide, self.lock, self.panel])
        chosen.add_class("mnistlab-controls")
        super().__init__([
            help_text(t(
                "Whoever opens this address finds the settings as they are now. Controls can be hidden, or shown but "
                "locked (hold Ctrl or Cmd to choose several)."
            )),
            self.field, chosen,
        ])

    def _show(self):
        lab = self.lab
        dataset = lab.dataset if lab.dataset in NAMES and lab.dataset != "sample" else ""
        query = links.write(lab.settings, dataset, self.hide.value, self.lock.value, self.panel.value)
        address = shared_address(lab.browser.address, query, os.environ)
        notes = []
        if urlsplit(address).hostname in LOCAL:
            notes.append(t(
                "This address works on this computer only: elsewhere put what follows the ? behind yours."
            ))
        if lab.dataset not in NAMES:
            notes.append(t("Your own images are not part of it."))
        name = escape(t("Address of this experiment"))
        self.field.value = (
            f'<input type="text" readonly aria-label="{name}" value="{escape(address)}"> '
            f'<button type="button" data-act="copy">{t("Copy link")}</button><p>{escape(t(" ").join(notes))}</p>'
        )


def shared_address(page, query, environment):
    """The address that opens `page` with `query` for others.

    On Binder and on a hub a page's own address belongs to one visitor; the environment says how others get theirs.
    """
    host, request = environment.get("BINDER_LAUNCH_HOST"), environment.get("BINDER_REQUEST")
    prefix = environment.get("JUPYTERHUB_SERVICE_PREFIX", "")
    before, found, path = page.partition(prefix) if prefix else (page, "", "")
    if host and request and found:
        return f"{host.rstrip('/')}/{request.strip('/')}?urlpath={quote(f'{path}?{query}', safe='')}"
    if found:  # on a hub, everybody has a server of their own
        hub = environment.get("JUPYTERHUB_BASE_URL", "/").strip("/")
        return f"{before}/{hub and hub + '/'}hub/user-redirect/{path}?{query}"
    return f"{page}?{query}"
