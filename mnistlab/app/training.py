"""The training panel: presets, the three sliders, Train and Stop, and how far the run is."""

from html import escape
from time import perf_counter

import ipywidgets

from ..settings import PRESETS
from .parts import Panel, button, setting_slider, text

SLIDERS = ("learning_rate", "epochs", "hidden_size")
# A message twice a second is enough to read.
SHOW_EVERY = 0.5


class TrainingPanel(Panel):
    """Settings of the next run, and the run itself. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        lab = self.lab
        self.preset = ipywidgets.Dropdown(
            description="Preset", options=[("Your own settings", "")] + [(p.title, key) for key, p in PRESETS.items()],
        )
        self.watch = text("", "mnistlab-help")
        self.sliders, columns = {}, []
        for name in SLIDERS:
            self.sliders[name], column = setting_slider(lab, name)
            columns.append(column)
        self.train_button = button("Train", lab.start, lab, primary=True)
        self.stop_button = button("Stop", lab.stop, lab)
        self.progress = text(_progress_html(0, "No run yet"), "mnistlab-progress")
        self.status = text("", "mnistlab-status")
        self._shown_at = 0.0
        self.preset.observe(lab.guard(self._apply_preset), "value")
        for name in SLIDERS:
            self.sliders[name].observe(lab.guard(self._own_settings), "value")
        lab.observe(lab.guard(self._follow_phase), "phase")
        lab.observe(lab.guard(lambda change: self._show_message()), "message")
        lab.observe(lab.guard(lambda change: self._show_progress()), ["tick", "epochs_seen"])
        self._follow_phase()
        self._show_message()
        controls = ipywidgets.Box([ipywidgets.VBox([self.preset, self.watch]), *columns])
        controls.add_class("mnistlab-controls")
        buttons = ipywidgets.HBox([self.train_button, self.stop_button])
        buttons.add_class("mnistlab-buttons")
        self._explain_preset()
        self.show(controls, buttons, self.progress, self.status)

    def _apply_preset(self, change):
        self._explain_preset()
        if not change["new"]:
            return
        self._applying = True
        try:
            PRESETS[change["new"]].apply(self.lab.settings)
            for name, slider in self.sliders.items():
                slider.value = getattr(self.lab.settings, name)
        finally:
            self._applying = False

    _applying = False

    def _own_settings(self, change):
        if not self._applying:
            self.preset.value = ""

    def _explain_preset(self):
        chosen = PRESETS.get(self.preset.value)
        sentence = f"Watch: {chosen.watch}" if chosen else "Move the sliders, or choose an experiment here."
        self.watch.value = f"<p>{escape(sentence)}</p>"

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
