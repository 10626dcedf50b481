"""Parts of the inside panel about units: switch them off and see what they are worth; are they alive?"""

import asyncio
import base64
from html import escape
from time import perf_counter

import ipywidgets
import numpy as np

from ..data import Batches
from ..inspection import altered, first_filters, health, stages, through
from ..language import t
from .inside_part import Choice, Part, coloured, figure, shades
from .parts import button, make, row, set_hidden, set_range, slider, text

NOTHING_CHANGED = "Nothing is changed yet: move Scale, or switch a unit off."
# Images that gradients and units are measured on; seconds, and the share of a run's time, that this may take; lines of
# the table, and units in a sentence.
MEASURED, ALLOWED, SHARE, LINES, LISTED = 128, 0.1, 0.05, 200, 8


class Units(Part):
    title = "Switch units off"
    about = "How much does the network need one unit? Switch it off or scale it; the network itself is not changed."

    def make(self):
        lab = self.lab
        self.factors = {}  # what each changed unit, (layer, unit), is multiplied by
        self._of, self._following = None, False
        self.layer = make(lab, Choice, description=t("Layer"), options=[("", 0)])
        self.unit = slider(lab, ipywidgets.IntSlider, description=t("Unit"), min=1, max=1)
        self.factor = slider(lab, ipywidgets.FloatSlider, description=t("Scale"), min=0, max=2, step=0.05, value=1)
        self.result = text("", "mnistlab-units", lab=lab)
        self.layer.observe(lab.guard(self._on_unit), "value")
        self.unit.observe(lab.guard(self._on_unit), "value")
        self.factor.observe(lab.guard(self._on_factor), "value")
        self.sliders = ipywidgets.Box([self.unit, self.factor], layout=self.unit.layout)
        self.sliders.add_class("mnistlab-controls")
        self.buttons = row(
            self.layer, button(t("Switch off"), self._off, lab),
            button(t("Switch off all up to this unit"), self._off_up_to, lab),
            button(t("Put all back"), self._back, lab),
        )
        return self.buttons, self.sliders, self.result

    def _on_unit(self, change):
        self._follow()
        self.panel.draw_soon()

    def _follow(self):
        """The slider shows the chosen unit's factor."""
        self._following = True
        self.factor.value = self.factors.get((self.layer.value, self.unit.value - 1), 1.0)
        self._following = False

    def _on_factor(self, change):
        if not self._following:
            self._set([self.unit.value - 1], change["new"])

    def _set(self, units, factor):
        for unit in units:
            self.factors.pop((self.layer.value, unit), None)
            if factor != 1:
                self.factors[self.layer.value, unit] = float(factor)
        self._follow()
        self.panel.draw_soon()

    def _off(self):
        self._set([self.unit.value - 1], 0)

    def _off_up_to(self):
        self._set(range(self.unit.value), 0)

    def _back(self):
        self.factors.clear()
        self._follow()
        self.panel.draw_soon()

    async def draw(self, look):
        described = [layer for layer in look.network.describe() if layer[0] != "Dropout"]  # whose rate is live
        if described != self._of:  # other units than those that were changed
            self._of = described
            self.factors.clear()
        for widget in (self.buttons, self.sliders):
            set_hidden(widget, not look.hidden)
        if not look.hidden:
            self.result.value = f"<p>{t('This network has no hidden layer, and so no hidden unit.')}</p>"
            return
        self.layer.offer((stage.title, place) for place, stage in enumerate(look.hidden))
        stage = look.hidden[self.layer.value]
        set_range(self.unit, self.sliders, 1, stage.units)
        self._follow()
        unit, factors = self.unit.value - 1, self._as_arrays(look)
        right, count, best = np.zeros(2), 0, (-np.inf, 0)
        for rows in look.slices(len(look.dataset)):
            x, labels = look.inputs(rows), look.dataset.labels_of(rows)
            answers = through(look.network, x, 0, stage.stop)
            answers = answers[:, unit] if answers.ndim == 2 else answers[unit].max(axis=(0, 1))
            best = max(best, (float(answers.max()), int(rows[answers.argmax()])))
            for k, changed in enumerate(({}, factors)):
                right[k] += (altered(look.network, x, changed).argmax(axis=1) == labels).sum()
            count += len(rows)
            await asyncio.sleep(0)
        self.result.value = self._said(look, stage, unit, right, count) + self._portrait(look, stage, unit, best)

    def _as_arrays(self, look):
        arrays = {}
        for (place, unit), factor in self.factors.items():
            stage = look.hidden[place]
            arrays.setdefault(stage.stop, np.ones(stage.units, np.float32))[unit] = factor
        return arrays

    def _said(self, look, stage, unit, right, count):
        before, now = right / count
        lines = "".join(
            f'<tr><th scope="row">{words}</th><td class="mnistlab-bar"><span style="width:{100 * share:.1f}%"></span>'
            f"</td><td>{share:.2%}</td></tr>"
            for words, share in ((t("as it is"), before), (t("with your changes"), now))
        )
        changed = [
            t("{layer}: unit {number} × {factor:g}", layer=look.hidden[place].title.lower(), number=one + 1,
              factor=factor)
            for (place, one), factor in sorted(self.factors.items())
        ]
        fewer = int(right[0] - right[1])
        difference = t("No difference.")
        if fewer:
            difference = t("{count} fewer of the images are read rightly." if fewer > 0
                           else "{count} more of the images are read rightly.", count=abs(fewer))
        listed = t("; ").join(changed[:LISTED])
        said = t("Changed: {units}.", units=listed)
        if len(changed) > LISTED:
            said = t("Changed: {units} and {count} more.", units=listed, count=len(changed) - LISTED)
        said = difference + t(" ") + said if changed else t(NOTHING_CHANGED)
        caption = t("Accuracy on {count:,} validation images", count=count)
        return (
            f"<div class='mnistlab-answer'><table><caption>{caption}</caption>{lines}</table></div><p>{said}</p>"
        )

    def _portrait(self, look, stage, unit, best):
        """What the unit looks for, where that can be shown, and the image that excites it most."""
        figures = ""
        if stage == look.hidden[0]:
            weights = first_filters(look.network)[unit]
            image = coloured(shades(weights, float(np.abs(weights).max())))
            figures = figure(image, t("Weights of unit {number}", number=unit + 1), t("its weights"), 84)
        figures += figure(
            look.dataset.image(best[1]), look.said(best[1]), t("excites it most ({answer:.2f})", answer=best[0]), 84
        )
        words = t("Unit {number} of {layer}:", number=unit + 1, layer=stage.title.lower())
        return f"<p>{words}</p><div class='mnistlab-steps'>{figures}</div>"


class Recorder:
    """What is measured once an epoch while a run goes on, whether the part is open or not: plain data.

    rows: (epoch, Health) of the run in progress or the last one, on its first training images; titles: of its layers,
    in the page's language; hidden: of the hidden ones; first_weights: `first_filters` when it was first seen. A few
    milliseconds an epoch; of very short epochs not every one.
    """

    def __init__(self, lab):
        self.lab = lab
        self.forget()

    def follow(self):
        """Observe the lab; again after it has forgotten every observer. A run that is there already is taken up."""
        on_phase = self.lab.guard(self._on_phase)
        self.lab.observe(on_phase, "phase")
        self.lab.observe(self.lab.guard(self._on_epoch), "epochs_seen")
        on_phase(None)

    def forget(self):
        self.rows, self.first_weights = [], None
        self._run, self._batch, self._spent = None, None, 0.0

    @property
    def titles(self):
        return [stage.title if stage.hidden else t("Output layer") for stage in self._stages()]

    @property
    def hidden(self):
        return [stage.title for stage in self._stages() if stage.hidden]

    def _stages(self):
        return stages(self._run.network)[1:] if self._run else []

    def _on_phase(self, change):
        run = self.lab.run
        if run is None or run is self._run:
            return
        self.forget()
        self._run = run
        try:
            self.first_weights = first_filters(run.network).copy()
        except ValueError:  # images that are not square
            self.first_weights = None
        rows = np.arange(min(MEASURED, len(run.train_set)))
        self._batch = Batches(run.train_set, len(rows)).inputs(rows), run.train_set.labels_of(rows)
        self._measure(run.epoch)

    def _on_epoch(self, change):
        run = self.lab.run
        if run is self._run and self._spent <= ALLOWED + SHARE * run.seconds:
            self._measure(run.epoch)

    def _measure(self, epoch):
        started = perf_counter()
        self.rows.append((epoch, health(self._run.network, *self._batch, self._run.loss.name)))
        self._spent += perf_counter() - started


class Gradients(Part):
    title = "Gradients and dead units"
    about = (
        "Does every layer get a gradient to learn from, and is every unit alive? The longer the gradient, the more the "
        "loss changes with the layer's weights. A dead unit gives the same answer to all images. "
        f"Measured on {MEASURED} training images while it learns."
    )

    def make(self):
        self._curves = None
        self.chart = text("", "mnistlab-health", lab=self.lab)
        self.table = text("", "mnistlab-health-table", lab=self.lab)
        return self.chart, self.table

    async def draw(self, look):
        from ..plots import LayerCurves

        recorder, narrow = self.panel.recorder, self.lab.browser.narrow
        if self._curves is None or self._curves.narrow != narrow:
            self._curves = LayerCurves(narrow)
        epochs = [epoch for epoch, _ in recorder.rows]
        norms = np.array([one.norms for _, one in recorder.rows]).T
        dead = np.array([one.dead for _, one in recorder.rows]).T
        content = base64.b64encode(self._curves.draw(epochs, recorder.titles, norms, recorder.hidden, dead)).decode()
        epoch, newest = recorder.rows[-1]
        said = t(", ").join(f"{title.lower()} {norm:.3g}" for title, norm in zip(recorder.titles, newest.norms))
        gone = t(", ").join(f"{title.lower()} {share:.1%}" for title, share in zip(recorder.hidden, newest.dead))
        sentence = t(
            "After epoch {epoch}: length of the gradient: {lengths}. Dead units: {shares}.", epoch=epoch, lengths=said,
            shares=gone or t("no hidden layer"),
        )
        alt = t("Length of the gradient and share of dead units by epoch, a line a layer")
        self.chart.value = (
            f'<div class="mnistlab-chart"><img alt="{escape(alt)}" src="data:image/png;base64,{content}"></div>'
            f"<p>{escape(sentence)}</p>"
        )
        self.show_table(self.table, self._table(recorder))

    def _table(self, recorder):
        heads = [t("gradient, {layer}", layer=title.lower()) for title in recorder.titles]
        heads += [t("dead, {layer}", layer=title.lower()) for title in recorder.hidden]
        head = "".join(f'<th scope="col">{escape(words)}</th>' for words in (t("epoch"), *heads))
        lines = "".join(
            f'<tr><th scope="row">{epoch}</th>{"".join(f"<td>{norm:.3g}</td>" for norm in one.norms)}'
            f'{"".join(f"<td>{share:.1%}</td>" for share in one.dead)}</tr>'
            for epoch, one in recorder.rows[-LINES:]
        )
        return (
            f'<div class="mnistlab-scroll" tabindex="0"><table><caption>{t("By epoch")}</caption><thead><tr>{head}</tr>'
            f"</thead><tbody>{lines}</tbody></table></div>"
        )
