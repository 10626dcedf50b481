"""The training panel: presets, the three sliders, Train and Stop, and how far the run is."""

from html import escape
from time import perf_counter

import ipywidgets

from ..settings import PRESETS, TABLE
from .parts import Panel, button, setting_slider, text

SLIDERS = ("learning_rate", "epochs", "hidden_size")
# What a preset may set although nothing on the page shows it.
UNSEEN = tuple(name for name in TABLE if name not in (*SLIDERS, "train_size", "seed"))
OWN, CHANGED = "", "changed"
CHOICES = [("Your own settings", OWN)] + [(preset.title, key) for key, preset in PRESETS.items()]
# A message twice a second is enough to read.
SHOW_EVERY = 0.5


class TrainingPanel(Panel):
    """Settings of the next run, and the run itself. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        lab = self.lab
        self.preset = ipywidgets.Dropdown(description="Preset", options=CHOICES)
        self.watch = text("", "mnistlab-help", "mnistlab-watch")
        self._begun_with = OWN
        self.sliders, columns = {}, []
        for name in SLIDERS:
            self.sliders[name], column = setting_slider(lab, name)
            columns.append(column)
        self.train_button = button("Train", lab.start, lab, primary=True)
        self.train_button.add_class("mnistlab-train")
        self.stop_button = button("Stop", lab.stop, lab)
        self.stop_button.add_class("mnistlab-stop")
        self.progress = text(_progress_html(0, "No run yet"), "mnistlab-progress")
        self.status = text("", "mnistlab-status")
        self._shown_at = 0.0
        self._on_preset = lab.guard(self._choose)
        self.preset.observe(self._on_preset, "value")
        for name in SLIDERS:
            self.sliders[name].observe(lab.guard(lambda change: self._show_what_is_in_force()), "value")
        lab.observe(lab.guard(self._follow_phase), "phase")
        lab.observe(lab.guard(lambda change: self._show_message()), "message")
        lab.observe(lab.guard(lambda change: self._show_progress()), ["tick", "epochs_seen"])
        self._follow_phase()
        self._show_message()
        controls = ipywidgets.Box([ipywidgets.VBox([self.preset, self.watch]), *columns])
        controls.add_class("mnistlab-controls")
        buttons = ipywidgets.HBox([self.train_button, self.stop_button])
        buttons.add_class("mnistlab-buttons")
        self._show_what_is_in_force()
        self.show(controls, buttons, self.progress, self.status)

    def _choose(self, change):
        """Put the chosen preset in force, or by one's own settings every setting that has no slider at its default."""
        chosen = change["new"]
        if chosen == CHANGED:
            return
        self._begun_with = chosen
        if chosen == OWN:
            self.lab.change_all({name: TABLE[name].default for name in UNSEEN})
        else:
            self.lab.change_all(self._values_of(chosen))
            for name, slider in self.sliders.items():
                slider.value = getattr(self.lab.settings, name)
        self._show_what_is_in_force()

    def _values_of(self, key):
        """Every setting by name, as the preset would have it now."""
        wanted = self.lab.settings.copy()
        PRESETS[key].apply(wanted)
        return wanted.as_dict()

    def _show_what_is_in_force(self):
        """The dropdown and its help follow from the settings, whoever changed them last.

        A preset whose sliders have been moved is no longer that preset; where it has also set what no slider shows,
        the dropdown and the help go on naming it, or a pupil would compare two runs that differ in more than is seen.
        """
        settings, begun_with = self.lab.settings, self._begun_with
        unseen = [name for name in UNSEEN if getattr(settings, name) != TABLE[name].default]
        words = ", ".join(f"{TABLE[name].metadata['label'].lower()} {getattr(settings, name)}" for name in unseen)
        choices, value = CHOICES, begun_with
        if begun_with and settings.as_dict() == self._values_of(begun_with):
            sentence = f"Watch: {PRESETS[begun_with].watch}"
        elif begun_with and unseen:
            title, value = PRESETS[begun_with].title, CHANGED
            choices = [(f"{title}, changed", CHANGED), *CHOICES]
            sentence = f"Still as in {title}: {words}. “Your own settings” does without."
        else:
            self._begun_with = value = OWN
            sentence = f"Also in force: {words}." if unseen else "Move the sliders, or choose an experiment here."
        self.watch.value = f"<p>{escape(sentence)}</p>"
        if (self.preset.options, self.preset.value) != (tuple(choices), value):
            self.preset.unobserve(self._on_preset, "value")  # new options choose the first for a moment
            self.preset.options, self.preset.value = choices, value
            self.preset.observe(self._on_preset, "value")

    def _follow_phase(self, change=None):
        """Which buttons work is decided here and nowhere else."""
        phase = self.lab.phase
        self.train_button.disabled = phase in ("running", "stopping")
        self.stop_button.disabled = phase != "running"
        if self.lab.run:
            self._show_progress(at_once=True)

    def _show_message(self):
        kind = " mnistlab-alarm" if self.lab.phase == "failed" else ""
        self.status.value = f'<p class="mnistlab-message{kind}">{escape(self.lab.message)}</p>'

    def _show_progress(self, at_once=False):
        now, progress, run = perf_counter(), self.lab.progress, self.lab.run
        if progress is None:
            self.progress.value = _progress_html(0, "Starting …")
            return
        if not at_once and now - self._shown_at < SHOW_EVERY:
            return
        self._shown_at = now
        seconds = now - self.lab.started
        whole = run.settings.epochs * len(run.train_set)
        speed = progress.images / max(seconds, 1e-9)
        words = [f"Epoch {progress.epoch} of {run.settings.epochs}", f"{speed:,.0f} images/s"]
        if self.lab.phase == "running":
            words.append(f"{_duration((whole - progress.images) / speed)} left")
        else:
            words.append(f"{seconds:.1f} s")
        self.progress.value = _progress_html(progress.images / whole, " · ".join(words))


def _progress_html(share, words):
    return (
        f'<progress aria-label="Progress of the run" max="1" value="{share:.3f}"></progress>'
        f"<span>{escape(words)}</span>"
    )


def _duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
