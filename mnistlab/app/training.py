"""The training panel: presets, settings, the network they make, Train and its companions, and hints."""

import json
from html import escape
from time import perf_counter

import ipywidgets

from ..diagram import network_svg
from ..hints import State, dead_units, hints
from ..language import t
from ..network import described, layers_for
from ..presets import PRESETS
from ..settings import TABLE
from .parts import Controls, Opening, Panel, button, make, row, set_hidden, text
from .sharing import Sharing

BASIC = ("learning_rate", "epochs", "hidden_size", "hidden_layers", "activation", "dropout_rate")
MORE = (
    "batch_size", "optimizer", "momentum", "schedule", "batch_norm", "convolution", "initialiser", "l2", "l1",
    "clip_norm", "patience", "loss", "seed",
)
# A message twice a second is enough to read.
SHOW_EVERY = 0.5
# More hints than these at once would help nobody.
HINTS = 2


class TrainingPanel(Panel):
    """Settings of the next run, and the run itself. `lab`: the shared Lab; without one the panel makes its own."""

    name = "train"

    def build(self):
        lab = self.lab
        choices = [(t("Your own settings"), ""), *((t(preset.title), key) for key, preset in PRESETS.items())]
        self.preset = make(lab, ipywidgets.Dropdown, description=t("Preset"), options=choices)
        self.watch = text("", "mnistlab-help", "mnistlab-watch", lab=lab)
        presets = ipywidgets.VBox([self.preset, self.watch])
        self.basic = Controls(lab, BASIC, presets)
        self.sliders = self.basic.widgets
        self.diagram = text("", "mnistlab-network", lab=lab)
        self.more = Opening(t("More settings"), lambda: [Controls(lab, MORE), self.diagram], lab, self._show_network)
        self.share = Opening(t("Share this experiment"), lambda: [Sharing(lab)], lab)
        self.train_button = button(t("Train"), lab.start, lab, primary=True)
        self.train_button.add_class("mnistlab-train")
        self.pause_button = button(t("Pause"), lambda: lab.resume() if lab.phase == "paused" else lab.pause(), lab)
        self.stop_button = button(t("Stop"), lab.stop, lab)
        self.stop_button.add_class("mnistlab-stop")
        self.batch_button = button(t("One more batch"), lambda: lab.one_more("training"), lab)
        self.epoch_button = button(t("One more epoch"), lambda: lab.one_more("epoch"), lab)
        self.reset_button = button(t("Reset"), lab.reset, lab)
        self.slow = make(lab, ipywidgets.Checkbox, description=t("Slow motion"), indent=False, value=lab.slow)
        self.progress = text(_progress_html(0, t("No run yet")), "mnistlab-progress", lab=lab)
        self.status = text("", "mnistlab-status", lab=lab)
        self.hints = text("", "mnistlab-hints", lab=lab)
        self._hinted_at = 0.0
        self._shown_at, self._choosing = 0.0, False
        self._own_settings = lab.settings.as_dict()
        lab.browser.on_act("hint", lab.guard(self._apply_hint))
        lab.observe(lab.guard(lambda change: self._show_hints()), ["epochs_seen", "phase"])
        lab.observe(lab.guard(lambda change: lab.run or self._show_hints()), "tick")  # a reset
        self._show_hints()
        self.preset.observe(lab.guard(self._on_preset), "value")
        self.slow.observe(lab.guard(lambda change: lab.set_trait("slow", change["new"])), "value")
        lab.observe(lab.guard(lambda change: self._follow_settings()), ["settings_seen", "dataset"])
        lab.observe(lab.guard(lambda change: self._follow_link(presets)), "link")
        lab.observe(lab.guard(self._follow_phase), "phase")
        lab.observe(lab.guard(lambda change: self._show_message()), "message")
        lab.observe(lab.guard(lambda change: self._show_progress()), ["tick", "epochs_seen"])
        self._follow_phase()
        self._show_message()
        self._follow_link(presets)
        buttons = row(
            self.train_button, self.pause_button, self.stop_button, self.batch_button, self.epoch_button,
            self.reset_button, self.slow,
        )
        running = ipywidgets.VBox([buttons, self.progress, self.status, self.hints])
        running.add_class("mnistlab-running")
        self.show(self.basic, self.more, running, self.share)

    def _on_preset(self, change):
        if self._choosing:
            return
        if not change["old"]:
            self._own_settings = self.lab.settings.as_dict()
        # "Your own settings" are those before a preset was chosen.
        wanted = _values_of(change["new"], self.lab.settings) if change["new"] else self._own_settings
        self.lab.change_all(wanted)

    def _follow_link(self, presets):
        self.preset.disabled = "preset" in self.lab.link.lock
        set_hidden(presets, "preset" in self.lab.link.hide)
        self._follow_settings()

    def _follow_settings(self):
        """The preset and its sentence follow from the settings, whoever changed them last."""
        settings = self.lab.settings
        key = next((key for key in PRESETS if _values_of(key, settings) == settings.as_dict()), "")
        self._choosing = True
        self.preset.value = key
        self._choosing = False
        # What an address hides is for the class to find out.
        names = [name for name in (*BASIC, *MORE) if name not in self.lab.link.hide]
        changed = [name for name in names if getattr(settings, name) != TABLE[name].default]
        if key:
            sentence = t("Watch: {what}", what=t(PRESETS[key].watch))
        elif changed:
            said = t(", ").join(map(settings.said, changed))
            sentence = t("Other than usual: {settings}.", settings=said)
        else:
            sentence = t("Move the sliders, or choose an experiment here.")
        self.watch.value = f"<p>{escape(sentence)}</p>"
        self._show_network()

    def _show_network(self):
        """The drawing, where it is open. Whatever cannot be built says why."""
        if not self.more.is_open:
            return
        images = self.lab.available
        try:
            layers = layers_for(self.lab.settings, images.inputs, len(images.class_names))
            self.diagram.value = network_svg(described(layers))
        except ValueError as error:
            self.diagram.value = f'<p class="mnistlab-message mnistlab-alarm">{escape(str(error))}</p>'

    def _follow_phase(self, change=None):
        """Which buttons work is decided here and nowhere else."""
        phase = self.lab.phase
        busy = phase in ("running", "stopping")
        self.train_button.disabled = self.reset_button.disabled = busy
        self.batch_button.disabled = self.epoch_button.disabled = busy
        self.stop_button.disabled = phase not in ("running", "paused")
        self.pause_button.disabled = phase not in ("running", "paused")
        self.pause_button.description = t("Resume" if phase == "paused" else "Pause")
        self._show_progress(at_once=True)

    def _show_hints(self):
        """What the rules have to say of the run as it stands, the most important first."""
        lab, now = self.lab, perf_counter()
        held = lab.phase in ("idle", "paused", "failed")
        if not held and now - self._hinted_at < 2 * SHOW_EVERY:
            return
        self._hinted_at = now
        found = _distinct(hints(_state(lab, held)))[:HINTS] if lab.run else []
        lines = "".join(
            f'<p>{escape(hint.sentence)}{_apply_button(hint)}</p>' for hint in found
        )
        nothing = t("When a run looks wrong, a hint appears here.")
        self.hints.value = lines or f"<p class='mnistlab-small'>{nothing}</p>"

    def _apply_hint(self, value, choice):
        change = json.loads(value)  # what the button said, whatever the hints are by now
        self.lab.change_all(change)
        if any(getattr(self.lab.settings, name) != value for name, value in change.items()):
            return  # locked
        said = t(", ").join(map(self.lab.settings.said, change))
        if self.lab.phase in ("idle", "failed"):
            self.lab.message = t("Set: {settings}. Press Train to begin again with it.", settings=said)
        else:
            self.lab.message = t("Set: {settings}. Press Stop, then Train, to begin again with it.", settings=said)

    def _show_message(self):
        kind = " mnistlab-alarm" if self.lab.phase == "failed" else ""
        self.status.value = f'<p class="mnistlab-message{kind}">{escape(self.lab.message)}</p>'

    def _show_progress(self, at_once=False):
        now, progress, run = perf_counter(), self.lab.progress, self.lab.run
        if progress is None:
            self.progress.value = _progress_html(0, t("Starting …" if run else "No run yet"))
            return
        if not at_once and now - self._shown_at < SHOW_EVERY:
            return
        self._shown_at = now
        whole, seconds = run.settings.epochs * len(run.train_set), run.seconds
        speed = progress.images / max(seconds, 1e-9)
        words = [
            t("Epoch {epoch} of {epochs}", epoch=progress.epoch, epochs=run.settings.epochs),
            t("{speed:,.0f} images/s", speed=speed),
        ]
        if self.lab.phase == "running" and speed and not self.lab.slow:  # in slow motion the reader's time counts
            words.append(t("{time} left", time=_duration((whole - progress.images) / speed)))
        else:
            words.append(t("{seconds:.1f} s", seconds=seconds))
        self.progress.value = _progress_html(progress.images / whole, " · ".join(words))


def _state(lab, held):
    """The run as the rules see it: what came before the last change of a setting is not blamed on that setting."""
    run, history = lab.run, lab.run.history
    since = history.marks[-1][0] if history.marks else 0
    return State(
        settings=run.settings, step_losses=tuple(history.step_losses[since:]),
        rows=tuple(row for row in history.rows if (row.epoch - 1) * run.steps_per_epoch >= since),
        baseline=lab.record.baseline, classes=run.network.outputs, validation_size=len(run.validation_set),
        # It takes a look at every validation image: while a run goes on, that time belongs to training.
        dead_share=dead_units(run.network, run.validation_set) if held and history.rows else (),
        failure=run.failure, over=lab.phase in ("idle", "failed"),
    )


def _distinct(found):
    """Hints without those that ask for what an earlier one asks for already."""
    return [hint for number, hint in enumerate(found) if not hint.change or hint.change not in
            [other.change for other in found[:number]]]


def _apply_button(hint):
    if not hint.change:
        return ""
    said = t(", ").join(f"{t(TABLE[name].metadata['label']).lower()} {value:g}" for name, value in hint.change.items())
    words = t("Apply: {settings}", settings=said)
    value = escape(json.dumps(hint.change))
    return f' <button type="button" data-act="hint" data-value="{value}">{escape(words)}</button>'


def _values_of(key, settings):
    """Every setting by name, as the preset would have it now."""
    wanted = settings.copy()
    PRESETS[key].apply(wanted)
    return wanted.as_dict()


def _progress_html(share, words):
    return (
        f'<progress aria-label="{t("Progress of the run")}" max="1" value="{share:.3f}"></progress>'
        f"<span>{escape(words)}</span>"
    )


def _duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    if minutes:
        return t("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return t("{seconds} s", seconds=rest)
