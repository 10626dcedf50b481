"""The keeping panel: network, settings and figures as files and back, and what the browser keeps by itself."""

import asyncio
import json
from dataclasses import asdict
from html import escape
from time import perf_counter

import ipywidgets
import numpy as np

from .. import data
from ..evaluation import Evaluation, fits, logits_in_chunks
from ..export import FORMAT, model_bytes, read_model, read_settings, settings_json
from ..language import t
from ..settings import Settings
from ..training import History, train
from .keeper import Keeper
from .lab import Record, sentence_of
from .parts import Opening, Panel, button, help_text, make, row, shared, text
from .upload import UploadButton

# What the browser keeps of a run, in bytes: a message of this size still arrives where a server allows 10 MB.
LARGEST = 4_000_000
# Seconds between two savings in a run, and at least so many times as long as the last one took: a slow line, such as
# Binder's, is there for the curves first.
KEEP_EVERY, REST = 4.0, 10
# A page that has not answered for so many seconds is gone, whatever became of its farewell: nobody watches the run, and
# the messages for it pile up in the server. A hidden page wakes up only once a minute.
GONE = 180
MAX_FILE = 60_000_000
MAX_SETTINGS = 100_000
ABOUT = (
    "The network file holds the weights, the settings with the seed, the history, and what training needs to go on. "
    "The command mnistlab predict reads it, too. Loading it replaces the network that is here."
)


class KeepingPanel(Panel):
    """Takes the work along and brings it back. `lab`: the shared Lab; without one the panel makes its own."""

    name = "keep"
    keeper, _kept_at, _due, _kept = None, 0.0, False, None  # the panel may be built again while something is sent

    def build(self):
        lab = self.lab
        layout = shared(lab, ipywidgets.Layout)
        # It watches over the page from the beginning, and stays.
        self.keeper = self.keeper or Keeper(self._on_restore, self._on_kept, lab, layout=layout)
        self.files = Opening(t("Save or load files"), self._make_files, lab)
        lab.observe(lab.guard(lambda change: self._on_epoch()), "epochs_seen")
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.observe(lab.guard(lambda change: self._keep()), "looks_seen")
        self.show(self.keeper, self.files)

    # What the browser keeps

    def _on_epoch(self):
        """Keep the run as it is, if it is time for that; pause it where nobody is there any more."""
        keeper = self.keeper
        if keeper.silence > GONE and keeper.in_page and self.lab.phase == "running":
            self.lab.pause()
            self.lab.message = t("Paused: the page was out of reach for some minutes. Resume goes on from here.")
        elif not keeper.busy and perf_counter() - self._kept_at >= max(KEEP_EVERY, REST * keeper.seconds):
            self._keep()

    def _on_phase(self, change):
        """Whatever ends or holds a run, its last state is kept."""
        phase = change["new"]
        self.keeper.running = phase in ("running", "stopping")
        if phase in ("idle", "paused"):
            self._keep()

    def _keep(self):
        lab, keeper = self.lab, self.keeper
        run = lab.run
        if not keeper.there or keeper.refuses or run is None or run.failure or not run.history.step_losses:
            return
        # When the last epoch was kept before the best weights were back, there is one thing more to keep.
        steps, looks = len(run.history.step_losses), lab.origin["test_looks"]
        state = (run, steps, run.epoch, run.settings.epochs, run.has_ended, looks)
        if state == self._kept:
            return
        if keeper.busy:
            self._due = True
        else:
            self._kept = state
            keeper.keep(*kept(lab))

    def _on_kept(self, arrived=True):
        """The browser has what it was sent, or a page that opened just then will never have it."""
        self._kept_at = perf_counter()
        if not arrived:
            self._kept, self._due = None, True
        if self._due:  # the run ended or was held meanwhile
            self._due = False
            self._keep()

    def _on_restore(self, content):
        try:
            if content[:1] == b"{":
                record = read_record(content)
                locked = self.lab.change_all(record.settings)
                self.lab.remember(record)
                words = t("Settings and figures are restored; the network was too large to be kept.")
                self.lab.message = t(" ").join(filter(None, (words, locked)))
                self.keeper.restored()
            else:
                self._take(read_model(content, t("What the browser kept")), "restored", self.keeper.restored)
        except ValueError as error:
            self.keeper.restored(sentence_of(error))
        except Exception as error:  # the page waits for an answer, whatever it is
            self.keeper.restored(self.lab.report(error))

    def _take(self, model, words, answer):
        """Make this Model the network of the lab, then call answer(); answer(why not) where it cannot be."""
        if self.lab.phase in ("running", "stopping"):
            raise ValueError(t("A run goes on. Stop it first, or let it come to its end."))
        self.lab.start_task(self._take_up(model, words, answer))

    async def _take_up(self, model, words, answer):
        try:
            run, source = await run_of(self.lab, model)
            self.lab.take_up(run, source, words)
        except data.NotDownloaded as error:
            name = model.origin["dataset"]
            answer(
                t("This network learned from {dataset}, which is not on this machine yet. Press Download under The "
                  "data to fetch it, then try once more.", dataset=data.title(name)) if self.lab.want(name)
                else sentence_of(error)
            )
        except ValueError as error:
            answer(sentence_of(error))
        except Exception as error:  # the page waits for an answer, whatever it is
            answer(self.lab.report(error))
        else:
            answer()

    # Files

    def _make_files(self):
        lab, layout = self.lab, shared(self.lab, ipywidgets.Layout)
        self.said = text("", "mnistlab-said", "mnistlab-keeping", lab=lab)
        self.model_file = UploadButton(
            t("Load a network"), MAX_FILE, self._on_model, lab, images=False, accept=".npz", layout=layout
        )
        self.settings_file = UploadButton(
            t("Load settings"), MAX_SETTINGS, self._on_settings, lab, images=False, accept=".json,application/json",
            layout=layout,
        )
        make_button = lambda words, get: button(words, lambda: self._download(get), lab)  # noqa: E731
        return (
            help_text(t(ABOUT)),
            row(make_button(t("Download the network"), self._model), self.model_file),
            row(make_button(t("Download the settings"), self._settings), self.settings_file),
            row(make_button(t("Download the figures (CSV)"), self._figures)),
            self.said,
        )

    def _say(self, sentence, alarm=False):
        kind = " class='mnistlab-message mnistlab-alarm'" if alarm else ""
        self.said.value = f"<p{kind}>{escape(sentence)}</p>"

    def _download(self, get):
        try:
            name, kind, content = get()
        except ValueError as error:
            self._say(str(error), alarm=True)
            return
        self.keeper.download(name, kind, content)
        self._say(t(
            "{name}, {size}: your browser saves it where it saves downloads.", name=name, size=_size(len(content)),
        ))

    def _model(self):
        run = self.lab.run
        if run is None:
            raise ValueError(t("There is no network yet: press Train first, then download what it has learned."))
        if not np.isfinite(run.network.parameters).all():
            raise ValueError(t("The last run failed and left no usable network: train again, then download it."))
        return "mnistlab-network.npz", "application/octet-stream", content_of(self.lab, True, compressed=True)

    def _settings(self):
        return "mnistlab-settings.json", "application/json", settings_json(self.lab.settings).encode()

    def _figures(self):
        from .runs import runs_csv

        lab = self.lab
        now = [lab.record] if lab.record and lab.record not in lab.records else []
        if not any(record.history.rows for record in (*lab.records, *now)):
            raise ValueError(t("There are no figures yet: they come with the first epoch."))
        return "mnistlab-history.csv", "text/csv", runs_csv([*lab.records, *now]).encode()

    def _on_model(self, name, size, content, first, last):
        def answer(why_not=""):
            self._say(why_not or t("{name} is loaded.", name=name), alarm=bool(why_not))

        if content is None:
            answer(_unread(name, size, MAX_FILE))
            return
        try:
            self._take(read_model(content, name), "loaded", answer)
        except ValueError as error:
            answer(sentence_of(error))

    def _on_settings(self, name, size, content, first, last):
        if content is None:
            self._say(_unread(name, size, MAX_SETTINGS), alarm=True)
            return
        try:
            settings = read_settings(content, name)
        except ValueError as error:
            self._say(sentence_of(error), alarm=True)
        else:
            locked = self.lab.change_all(settings.as_dict())
            self._say(locked or t("The settings are those of {name} now.", name=name))


# What a run becomes in a file, and back


def content_of(lab, go_on, compressed=False):
    """The bytes of a model file of the lab's network. go_on: with what training needs to go on, where it can."""
    run = lab.run
    # The images that were taught are not kept, and without them there is no going on with that run.
    checkpoint = run.checkpoint() if go_on and not lab.origin["taught"] else None
    return model_bytes(run.network, run.settings, run.history, run.train_set, checkpoint, lab.origin, compressed)


def kept(lab):
    """(content, about): as much of the lab's run as fits into LARGEST bytes, and plain data that says what it is.

    A model file to go on from; else one without the optimizer's memory; else settings and figures alone.
    """
    run = lab.run
    rows = run.history.rows
    about = {
        "kind": "network", "epochs": run.epoch, "of": run.settings.epochs, "name": lab.record.name,
        "accuracy": rows[-1].validation_accuracy if rows else None, "megabytes": 0.0,
    }
    # The optimizer's memory, and with patience the best weights, come on top: try only what may fit.
    if run.network.parameters.nbytes < LARGEST and np.isfinite(run.network.parameters).all():
        for go_on in (True, False):
            content = content_of(lab, go_on)
            if len(content) <= LARGEST:
                return content, about
    about |= {"kind": "figures", "megabytes": run.network.parameters.nbytes / 1e6}
    return record_bytes(lab.record), about


def record_bytes(record):
    """A Record as JSON text, without the losses of single steps; `read_record` reads it back."""
    plain = {**asdict(record), "history": record.history.as_dicts()}
    return json.dumps({"format": FORMAT, "record": plain}).encode()


def read_record(content):
    """The Record in the bytes that `record_bytes` wrote. Raises ValueError for any others."""
    try:
        kept = json.loads(content)
        version = kept["format"]
        if version == FORMAT:
            values = kept["record"]
            values["settings"] = Settings(**values["settings"]).as_dict()
            values["history"] = History.from_dicts(values["history"])
            return Record(**values | {"name": f"{values['name']}, restored"})
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(t("What the browser kept is damaged: it cannot be restored.")) from None
    raise ValueError(t(
        "What the browser kept has format {version!r}, and this version of mnistlab reads format {format}: it cannot "
        "be restored.", version=version, format=FORMAT,
    ))


async def run_of(lab, model):
    """(run, Source of its images): a Run that goes on from where the Model's was, on the same images if they are here.

    The network looks at the validation set in slices, so that the page can be used meanwhile. Raises ValueError or
    data.NotDownloaded, with a sentence; the lab stays as it is, until it takes the run up.
    """
    checkpoint, origin = model.checkpoint, model.origin
    try:
        settings = Settings(**checkpoint["settings"])
    except (TypeError, LookupError, ValueError, AttributeError):  # there is none, or it is damaged
        settings, checkpoint = model.settings, None
    if not origin:
        _check_classes(model, lab.available)
    source = lab.source_of(settings, origin)
    train_set, validation_set = source.sets(settings)
    _check_classes(model, train_set)
    fits(model.network, train_set)
    run = train(model.network, train_set, validation_set, settings.copy())
    if checkpoint is not None:
        try:
            run.restore(checkpoint)
        except ValueError:
            pass  # other images under the same name, say: the network is good all the same
        else:
            return run, source
        run = train(model.network, train_set, validation_set, settings.copy())
    logits = np.empty((len(validation_set), model.network.outputs), np.float32)
    for _ in logits_in_chunks(model.network, validation_set, logits):
        await asyncio.sleep(0)
    evaluation = Evaluation(logits, validation_set.labels_of(), run.loss.name)
    _continue_after(run, History.from_dicts(model.history).rows, evaluation)
    return run, source


def _continue_after(run, rows, evaluation):
    """Let a new run go on after epochs of which there is no checkpoint, with the network as it is.

    The optimizer, the order of the images and what else is drawn begin anew. Each epoch's means stand for its steps, so
    that schedules and curves go on where they were. Raises ValueError for rows that are not epochs 1, 2, 3, ...
    """
    if [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError(t("The history is damaged: its epochs must be 1, 2, 3 and so on."))
    run.history.rows, run.evaluation = list(rows), evaluation
    for values, name in (
        (run.history.step_losses, "train_loss"), (run.history.step_accuracies, "train_accuracy"),
    ):
        values[:] = [getattr(row, name) for row in rows for _ in range(run.steps_per_epoch)]
    if run.is_at_best:
        run.keep_best()


def _check_classes(model, images):
    """Raises ValueError where the images are not of the kind that the Model learned from."""
    scale = (model.mean, model.deviation)
    if model.class_names != images.class_names or scale != (images.mean, images.deviation):
        names = t(", ").join(data.class_titles(model.class_names)[:10])
        raise ValueError(t(
            "This network tells apart {names}; the dataset in use has other classes or another scale. Choose the "
            "dataset that it learned from under The data, then load it again.", names=names,
        ))


def _unread(name, size, most):
    if size is None:
        return t(
            "The browser could not read {name}. Choose the file again; if that fails, save a copy and choose that.",
            name=name,
        )
    return t(
        "{name} is {size}; at most {most} can be read here. Choose a file that was downloaded here.", name=name,
        size=_size(size), most=_size(most),
    )


def _size(count):
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
