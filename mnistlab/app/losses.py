"""The top losses panel: the validation images that the network gets most wrong."""

from html import escape
from time import perf_counter

from .parts import Panel, picture, text

COUNT = 12
# Small runs finish many epochs a second; nobody can look at more than this many pages of images.
SHOW_EVERY = 0.5
# Takes as much room as the images will, so that nothing below moves when they come.
EMPTY = (
    "<p>After the first epoch the twelve images with the highest loss appear here.</p>"
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
            words = f"Validation image {mistake.index}: read as {prediction}, is {actual}"
            image = picture(run.validation_set.image(mistake.index), words, 84)
            right = " mnistlab-right" if mistake.prediction == mistake.actual else ""
            figures.append(
                f'<figure class="mnistlab-figure{right}">{image}<figcaption>'
                f"read as <b>{escape(prediction)}</b>, is&nbsp;{escape(actual)}<br>"
                f"loss {mistake.loss:.2f}<br>{mistake.probability:.0%} sure</figcaption></figure>"
            )
        watched = len(run.validation_set)
        wrong = watched - round(run.evaluation.accuracy * watched)
        self.images.value = (
            f"<p>After epoch {len(run.history.rows)}, {wrong:,} of {watched:,} validation images are read wrongly. "
            "“Sure” is the probability that the network gives its answer.</p>"
            f'<div class="mnistlab-grid">{"".join(figures)}</div>'
        )
        self._shown_at = perf_counter()
