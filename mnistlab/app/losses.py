"""The top losses panel: the validation images that the network gets most wrong."""

from html import escape
from time import perf_counter

from .parts import Panel, picture, text

COUNT = 12
# Small runs finish many epochs a second; nobody can look at more than this many pages of images.
SHOW_EVERY = 0.5
# Takes as much room as the images will, so that nothing below moves when they come.
EMPTY = (
    "<p>After the first epoch the twelve worst images appear here.</p>"
    + '<div class="mnistlab-grid" aria-hidden="true">'
    + '<div class="mnistlab-empty"></div>' * COUNT + "</div>"
)


class TopLossesPanel(Panel):
    """The worst images after each epoch. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        self.images = text(EMPTY, "mnistlab-top-losses")
        self._shown_at = 0.0
        self.lab.observe(self.lab.guard(self._on_epoch), "epochs_seen")
        self.lab.observe(self.lab.guard(self._on_phase), "phase")
        self.show(self.images)

    def _on_epoch(self, change):
        if perf_counter() - self._shown_at >= SHOW_EVERY:
            self._draw()

    def _on_phase(self, change):
        if change["new"] in ("idle", "failed"):
            self._draw()

    def _draw(self):
        run = self.lab.run
        if run is None or run.evaluation is None:
            return
        names = run.validation_set.class_names
        figures = []
        for mistake in run.evaluation.top_losses(COUNT):
            prediction, actual = names[mistake.prediction], names[mistake.actual]
            image = picture(
                run.validation_set.image(mistake.index), f"Validation image {mistake.index}: {actual}, read as {prediction}", 84
            )
            right = " mnistlab-right" if mistake.prediction == mistake.actual else ""
            figures.append(
                f'<figure class="mnistlab-figure{right}">{image}<figcaption>'
                f"<b>{escape(prediction)}</b> for {escape(actual)}<br>"
                f"loss {mistake.loss:.2f}<br>prob. {mistake.probability:.0%}</figcaption></figure>"
            )
        self.images.value = f'<p>Worst first.</p><div class="mnistlab-grid">{"".join(figures)}</div>'
        self._shown_at = perf_counter()
