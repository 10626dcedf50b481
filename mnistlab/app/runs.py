"""Earlier runs, a part of the curves panel: their table, their names, two side by side, and files to take away."""

import base64
import csv
import io
from html import escape

import ipywidgets

from .. import data
from ..language import t
from ..settings import TABLE, Settings
from .parts import button, make, row, text

NOT_YET = "No run yet. A run appears here when it is over or paused."
ABOUT_RUNS = (
    "The figures are those of each run's best epoch, which has the lowest validation loss; of the "
    "settings you see those in which runs differ."
)
# A longer table would be slow to show and tiring to hear; the file has all of it.
EPOCHS_SHOWN = 200


class EarlierRuns:
    """The widgets for earlier runs. `compared`: the two Records that are side by side, or ().

    lab: the shared Lab; chart: a function that gives the chart of the curves as it is, PNG bytes; on_compare: called
    when `compared` has changed. `widgets`: what to show, top to bottom.
    """

    def __init__(self, lab, chart, on_compare):
        self.lab, self._chart, self._on_compare = lab, chart, on_compare
        self.compared, self._following = (), False
        self.table = text("", "mnistlab-runs", lab=lab)
        self.run = make(lab, ipywidgets.Dropdown, description=t("Run"))
        self.name = make(lab, ipywidgets.Text, description=t("Name"), continuous_update=False)
        self.rename_button = button(t("Rename"), self._rename, lab)
        self.delete_button = button(t("Delete"), self._delete, lab)
        self.said = text("", "mnistlab-said", lab=lab)
        self.first = make(lab, ipywidgets.Dropdown, description=t("Compare"))
        self.second = make(lab, ipywidgets.Dropdown, description=t("with"))
        self.differences = text("", "mnistlab-differences", lab=lab)
        self.files_button = button(t("Download runs and curves"), self._make_files, lab)
        self.files = text("", "mnistlab-files", lab=lab)
        self.run.observe(lab.guard(lambda change: self._show_name()), "value")
        for choice in (self.first, self.second):
            choice.observe(lab.guard(lambda change: self._choose()), "value")
        lab.observe(lab.guard(lambda change: self._follow()), "records_seen")
        self._follow()
        self.widgets = (
            self.table,
            row(self.run, self.name, self.rename_button, self.delete_button), self.said,
            row(self.first, self.second), self.differences,
            row(self.files_button, self.files),
        )

    def _record(self, choice):
        """The Record that a dropdown stands at, or None."""
        return next((record for record in self.lab.records if id(record) == choice.value), None)

    def _follow(self):
        """Show the lab's records as they are; what was chosen stays chosen while it is there."""
        records = self.lab.records[::-1]
        self.table.value = runs_table(records)
        named = [(record.title, id(record)) for record in records]
        self._following = True
        try:
            _offer(self.run, named)
            _offer(self.first, [(t("no run"), None), *named])
            _offer(self.second, [(t("no run"), None), *named])
        finally:
            self._following = False
        self.files.value = ""  # those of a moment ago
        self._show_name()
        self._choose()

    def _show_name(self):
        record = self._record(self.run)
        self.name.disabled = self.rename_button.disabled = self.delete_button.disabled = record is None
        if not self._following:
            self.name.value = record.title if record else ""

    def _rename(self):
        if (record := self._record(self.run)) is None:  # a click that comes late
            return
        before = record.title
        try:
            self.lab.rename(record, self.name.value)
        except ValueError as error:
            self._say(str(error))
        else:
            self._say(t("{before} is called {name} now.", before=before, name=record.title))

    def _delete(self):
        if (record := self._record(self.run)) is None:
            return
        self.lab.forget(record)
        self.run.value = None  # no other run is chosen: the second half of a double click would take it along
        self._say(t("{name} is deleted.", name=record.title))

    def _say(self, sentence):
        self.said.value = f"<p>{escape(sentence)}</p>"

    def _choose(self):
        """Both dropdowns at different runs is a comparison; everything else is none."""
        if self._following:
            return
        pair = self._record(self.first), self._record(self.second)
        compared = pair if None not in pair and pair[0] is not pair[1] else ()
        if compared:
            self.differences.value = differences_table(*compared)
        else:
            same = pair[0] is not None and pair[0] is pair[1]
            said = t("These are the same run: choose another in one place.")
            self.differences.value = f"<p>{said}</p>" if same else ""
        if compared or self.compared:
            self.compared = compared
            self._on_compare()

    def end_comparison(self):
        """Put both dropdowns back: the chart is needed for a run that begins."""
        self.first.value = self.second.value = None

    def _make_files(self):
        """Links whose addresses hold the files themselves: they need no server and work in every notebook program."""
        records = self.lab.records
        count = len(records)
        figures = t("Figures of 1 run (CSV)") if count == 1 else t("Figures of {count} runs (CSV)", count=count)
        self.files.value = (
            f'<p>{_link("mnistlab-runs.csv", "text/csv", runs_csv(records).encode(), figures)}'
            f'{_link("mnistlab-curves.png", "image/png", self._chart(), t("Curves as they are (PNG)"))}</p>'
        )


def runs_table(records):
    """An HTML table of Records, as ordered."""
    if not records:
        return f"<p>{t(NOT_YET)}</p>"
    results = [_results(record) for record in records]
    columns = [*_differing(records), *((what, [each[what] for each in results]) for what in results[0])]
    if any(record.history.marks for record in records):
        columns.append((t("Changed on the way"), [_changes(record) for record in records]))
    head = "".join(f'<th scope="col">{escape(what)}</th>' for what in (t("Run"), *(what for what, _ in columns)))
    body = "".join(
        _table_row(record.title, [values[number] for _, values in columns]) for number, record in enumerate(records)
    )
    # As a part of the caption it would be as wide as the table, and scroll.
    about = f'<p class="mnistlab-small">{t(ABOUT_RUNS)}</p>'
    caption = f"<caption>{t('Newest first')}</caption>"
    return about + _scrolling(t("Table of runs"), f"{caption}<thead><tr>{head}</tr></thead>", body)


def differences_table(first, second):
    """An HTML table of what is not the same in two Records, and of what they came to."""
    pair = (first, second)
    rows = [*_differing(pair), *((what, [_results(each)[what] for each in pair]) for what in _results(first))]
    if first.baseline != second.baseline:
        rows.append((t("Baseline"), [f"{each.baseline:.1%}" for each in pair]))
    if first.history.marks or second.history.marks:
        rows.append((t("Changed on the way"), [_changes(each) for each in pair]))
    names = "".join(f'<th scope="col">{escape(each.title)}</th>' for each in pair)
    return (
        f"<table><caption>{t('What differs: solid lines are training, dashed ones validation')}</caption>"
        f"<thead><tr><td></td>{names}</tr></thead>"
        f'<tbody>{"".join(_table_row(what, values) for what, values in rows)}</tbody></table>'
    )


def epochs_table(record):
    """The curves of a Record as an HTML table, a row an epoch."""
    rows = record.history.rows
    if not rows:
        return f"<p>{t('No epoch is over yet.')}</p>"
    names = (
        t("Epoch"), t("Training loss"), t("Training accuracy"), t("Validation loss"), t("Validation accuracy"),
        t("Seconds"),
    )
    said = record.title
    if len(rows) > EPOCHS_SHOWN:
        said = t("{name}, the last {count} epochs", name=said, count=EPOCHS_SHOWN)
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        _table_row(row.epoch, (
            f"{row.train_loss:.4g}", f"{row.train_accuracy:.1%}", f"{row.validation_loss:.4g}",
            f"{row.validation_accuracy:.1%}", f"{row.seconds:.2f}",
        ))
        for row in rows[-EPOCHS_SHOWN:]
    )
    caption = f"<caption>{escape(said)}</caption><thead><tr>{head}</tr></thead>"
    return _scrolling(t("Table of epochs"), caption, body)


def runs_csv(records):
    """A line for each epoch of each Record, as CSV text with a heading; a run without a finished epoch has none.

    Columns: run (its name), dataset, cleaned (whether the changes of the mistakes panel were applied), epoch,
    train_loss, train_accuracy, validation_loss, validation_accuracy, seconds, as in training.Row; every setting by its
    name in the settings table, as it was when the run began; changes: those made within the epoch, such as
    "learning_rate=0.01 momentum=0.5".
    """
    measures = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("run", "dataset", "cleaned", *measures, *TABLE, "changes"))
    for record in records:
        for epoch in record.history.rows:
            changes = [
                f"{name}={value}" for step, name, value in record.history.marks
                if step // record.steps_per_epoch + 1 == epoch.epoch
            ]
            writer.writerow((
                record.name, record.dataset, record.cleaned, *(getattr(epoch, name) for name in measures),
                *(record.settings[name] for name in TABLE), " ".join(changes),
            ))
    return text.getvalue()


def _differing(records):
    """[(what, its value in each Record, in words)] for data and settings that are not the same in all of them."""
    columns = [
        (t("Dataset"), [data.title(record.dataset) for record in records]),
        (t("Cleaned"), [_said(record.cleaned) for record in records]),
    ]
    for name, item in TABLE.items():
        columns.append((t(item.metadata["label"]), [_said(record.settings[name], name) for record in records]))
    return [(what, values) for what, values in columns if len(set(values)) > 1]


def _results(record):
    """What a run came to, {what: words}."""
    best = record.best
    return {
        t("Best epoch"): str(best.epoch) if best else t("none"),
        t("Validation loss"): f"{best.validation_loss:.4g}" if best else "",
        t("Validation accuracy"): f"{best.validation_accuracy:.1%}" if best else "",
        t("Seconds"): f"{record.seconds:.1f}",
        t("Images per second"): f"{record.images / record.seconds:,.0f}" if record.seconds else "",
    }


def _changes(record):
    return t(", ").join(
        t("{setting} at epoch {epoch:.1f}",
          setting=Settings(**{name: value}).said(name), epoch=step / record.steps_per_epoch)
        for step, name, value in record.history.marks
    )


def _said(value, name=""):
    if name == "train_size" and value == TABLE[name].default:
        return t("all")  # as many as each dataset has
    if isinstance(value, bool):
        return t("yes" if value else "no")
    if isinstance(value, str):
        return t(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table_row(name, values):
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    return f'<tr><th scope="row">{escape(str(name))}</th>{cells}</tr>'


def _scrolling(name, head, body):
    """A table in a frame of fixed height, so that a new row moves nothing; the frame can be scrolled by keyboard."""
    return (
        f'<div class="mnistlab-scroll" role="region" aria-label="{name}" tabindex="0">'
        f"<table>{head}<tbody>{body}</tbody></table></div>"
    )


def _link(name, kind, content, words):
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return f'<a download="{name}" href="{address}">{escape(words)}</a>'


def _offer(choice, options):
    """Give a dropdown these options, [(words, value)]; it stays where it is, or goes to the first if that is gone."""
    values, value = [each for _, each in options], choice.value
    if list(choice.options) != options:
        choice.options = options  # after which nothing is chosen
    choice.index = values.index(value) if value in values else 0 if values else None
