"""Parts of the inside panel about layers as spaces: a map of the images, and what lies between two of them."""

import asyncio
from html import escape

import anywidget
import ipywidgets
import numpy as np
import traitlets

from ..images import png
from ..inspection import as_rows, between, nearest, pca, through
from ..language import t
from ..losses import softmax
from .browser import script
from .inside_part import ANY, Choice, Image, Part, figure
from .parts import button, make, row, shared, text

# Images on the map and beside each other on its sheet; images among which a nearest one is looked for.
POINTS, SHEET, SEARCHED = 500, 25, 1000
STEPS = 7
ON_THE_WAY = {
    "blend": "{share:.0%} of the way, blend: read as {answer}",
    "nearest": "{share:.0%} of the way, nearest: read as {answer}",
}
MANIFOLD = (
    "Below each image: what the network answers there, and bars for the first class (blue), the second (orange) and "
    "all others (grey). The network cannot draw what its layers hold; so for a point in the layer you see the one of "
    "{count:,} validation images whose numbers there are nearest. That digits form a smooth space of their own, far "
    "smaller than that of all pixels, is the manifold hypothesis (Chollet, Deep Learning with Python, 5.1.2); this "
    "network has only learned to tell them apart, not to move within that space."
)


class FeatureMap(anywidget.AnyWidget):
    """Points with images behind them. Mouse, finger or arrow keys go from one to the next; choosing one sends its row.

    sheet: PNG bytes of the images, `columns` beside each other; marks: a short sign for each class; names: of the
    classes; labels, answers, numbers: of each image its class, the network's answer, and its row; points: where each
    lies, from 0 to 1, right and down.
    """

    _esm = script("feature_map.js")
    sheet = traitlets.Bytes(b"").tag(sync=True)
    columns = traitlets.Int(SHEET).tag(sync=True)
    marks = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    numbers = traitlets.List().tag(sync=True)
    answers = traitlets.List().tag(sync=True)
    points = traitlets.List().tag(sync=True)


async def features_of(look, stage, count):
    """The features of the first `count` images of the validation set at a stage, (count, n), slice by slice."""
    parts = []
    for rows in look.slices(count):
        parts.append(as_rows(through(look.network, look.inputs(rows), 0, stage.stop)))
        await asyncio.sleep(0)
    return np.concatenate(parts)


class Map(Part):
    title = "Map of a layer"
    about = (
        "Images that a layer finds alike lie close together. Go from the pixels up to the logits, the numbers before "
        "the softmax, and see the classes part; point at a sign, or move with the arrow keys, to see its image."
    )

    def make(self):
        self.layer = make(self.lab, Choice, description=t("Layer"), options=[(t("Pixels"), 0)])
        self.map = FeatureMap(layout=shared(self.lab, ipywidgets.Layout))
        self.map.on_msg(self.lab.guard(self._on_message))
        self.said = text("", "mnistlab-map-said", lab=self.lab)
        self.table = text("", "mnistlab-map-table", lab=self.lab)
        self._shown = None  # the validation set whose images are on the map
        self.on(self.layer)
        return row(self.layer), self.map, self.said, self.table

    def _on_message(self, _, message, buffers):
        """An image was chosen: the other parts look at it."""
        self.panel.choose(message["pick"])

    async def draw(self, look):
        self.layer.offer((stage.title, place) for place, stage in enumerate(look.stages))
        stage, count = look.stages[self.layer.value], min(POINTS, len(look.dataset))
        if count < 3:
            self.said.value = f"<p>{t('A map needs at least three validation images.')}</p>"
            return
        features = await features_of(look, stage, count)
        rows, labels = np.arange(count), look.dataset.labels_of(slice(0, count))
        logits = await features_of(look, look.stages[-1], count)
        if features.shape[1] == 1:  # a single unit: all lie on one line
            features = np.pad(features, ((0, 0), (0, 1)))
        found = pca(features)
        low, high = found.points.min(axis=0), found.points.max(axis=0)
        points = (found.points - low) / np.where(high > low, high - low, 1)
        with self.map.hold_sync():
            if look.dataset is not self._shown:
                self._shown = look.dataset
                marks = look.names if all(len(name) < 3 for name in look.names) else "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 9
                self.map.marks, self.map.names = list(marks[: len(look.names)]), list(look.names)
                self.map.sheet = png(Image.fromarray(_sheet(look.dataset.images[look.dataset.indices[rows]])))
                self.map.labels, self.map.numbers = labels.tolist(), rows.tolist()
            self.map.answers = logits.argmax(axis=1).tolist()
            self.map.points = np.round(points, 4).tolist()
        self.said.value = self._said(stage, found, features, labels)
        self.show_table(self.table, self._table(look, found, labels))

    def _said(self, stage, found, features, labels):
        agree = (labels[nearest(features)[0]] == labels).mean()
        legend = ""
        if self.map.marks != self.map.names:
            pairs = zip(self.map.marks, self.map.names)
            legend = t(", ").join(f"{mark} {escape(name)}" for mark, name in pairs)
            legend = t("Signs: {legend}.", legend=legend) + t(" ")
        said = t(
            "{layer}: {count} validation images. For {share:.1%} of them the nearest other image in this layer has the "
            "same label. The map keeps {kept:.0%} of the differences between the images ({across:.0%} across, "
            "{down:.0%} up and down).",
            layer=stage.title, count=len(labels), share=agree, kept=found.shares.sum(), across=found.shares[0],
            down=found.shares[1],
        )
        return f"<p>{said}{t(' ')}{legend}{t('A ring: read wrongly.')}</p>"

    def _table(self, look, found, labels):
        """Where each class lies, and which one is nearest."""
        classes = np.unique(labels)
        centres = np.array([found.points[labels == k].mean(axis=0) for k in classes])
        heads = t("class"), t("validation images"), t("across"), t("down"), t("nearest class")
        heads, lines = "".join(f'<th scope="col">{head}</th>' for head in heads), ""
        for k, centre in zip(classes, centres):
            distances = np.square(centres - centre).sum(axis=1)
            distances[classes == k] = np.inf
            closest = classes[distances.argmin()] if len(classes) > 1 else k
            lines += (
                f'<tr><th scope="row">{escape(look.names[k])}</th><td>{(labels == k).sum()}</td>'
                f"<td>{centre[0]:.2f}</td><td>{centre[1]:.2f}</td><td>{escape(look.names[closest])}</td></tr>"
            )
        return (
            f'<div class="mnistlab-wide"><table><caption>{t("Where each class lies")}</caption>'
            f"<tr>{heads}</tr>{lines}</table></div>"
        )


def _sheet(images):
    """Images (n, rows, columns) beside and below each other, SHEET in a line."""
    n, high, wide = images.shape
    lines = -(-n // SHEET)
    room = np.zeros((lines * SHEET, high, wide), np.uint8)
    room[:n] = images
    return room.reshape(lines, SHEET, high, wide).swapaxes(1, 2).reshape(lines * high, SHEET * wide)


class Between(Part):
    title, picks = "Between two images", True
    about = (
        "In pixels, halfway from one digit to another lies one laid over the other: no digit. Halfway within a layer "
        "lies a list of numbers, and some real image comes nearest to it. Compare what is met on the two ways."
    )

    def make(self):
        self._second = 0
        self.label = make(self.lab, Choice, description=t("Towards"), options=[("", ANY)])
        self.layer = make(self.lab, Choice, description=t("Layer"), options=[("", ANY)])
        self.lines = text("", "mnistlab-between", lab=self.lab)
        self.on(self.label, self.layer)
        return row(self.label, button(t("Another"), self._another, self.lab), self.layer), self.lines

    def _another(self):
        self._second += 1
        self.panel.draw_soon()

    async def draw(self, look):
        names, classes = look.names, np.unique(look.dataset.labels_of())
        fresh = self.label.value == ANY
        self.label.offer(
            (t("another {label}", label=names[k]) if k == look.label else names[k], int(k)) for k in classes
        )
        if fresh:  # a class that has nothing to do with the picked image
            others = np.setdiff1d(classes, [look.label, int(look.probabilities.argmax())])
            self.label.value = int((others if len(others) else classes)[0])
        hidden = look.hidden or look.stages[-1:]
        self.layer.offer((stage.title, place) for place, stage in reversed(list(enumerate(hidden))))
        stage = hidden[self.layer.value]
        others = np.flatnonzero(look.dataset.labels_of() == self.label.value)
        others = others[others != look.row] if len(others) > 1 else others
        second = int(others[self._second % len(others)])
        ends = look.inputs(np.array([look.row, second]))
        blends = between(ends[0], ends[1], STEPS)
        searched = min(SEARCHED, len(look.dataset))
        features = await features_of(look, stage, searched)
        own = through(look.network, ends, 0, stage.stop)
        own = own if own.ndim == 2 else np.moveaxis(own, -1, 0)
        line = between(own[0], own[1], STEPS)
        flat = line.reshape(STEPS, -1)
        found = nearest(np.concatenate([features, flat[[0, -1]]]), flat)[0]
        rows = np.concatenate([np.arange(searched), [look.row, second]])[found]
        above = line if line.ndim == 2 else np.moveaxis(line, 0, -1)
        in_pixels = softmax(through(look.network, blends))
        in_layer = softmax(through(look.network, np.ascontiguousarray(above), stage.stop))
        pictures = [np.asarray(look.dataset.image(one), np.float32) for one in (look.row, second)]
        mixed = np.rint(between(pictures[0], pictures[1], STEPS)).astype(np.uint8)
        real = [look.dataset.image(one) for one in rows]
        title = t("In {layer}: the real image nearest to each point", layer=stage.title.lower())
        pair = look.label, int(look.dataset.labels_of(second))
        self.lines.value = (
            _strip(look, t("In pixels: the two images laid over each other"), mixed, in_pixels, pair, "blend")
            + _strip(look, title, real, in_layer, pair, "nearest")
            + f"<p class='mnistlab-small'>{t(MANIFOLD, count=searched)}</p>"
        )


def _strip(look, title, images, probabilities, pair, kind):
    """kind: of images, a key of ON_THE_WAY."""
    figures = ""
    for step, (image, p) in enumerate(zip(images, probabilities)):
        share, best = step / (STEPS - 1), int(p.argmax())
        first, last = float(p[pair[0]]), float(p[pair[1]]) if pair[0] != pair[1] else 0.0
        bar = "".join(
            f'<span class="{place}" style="width:{100 * part:.1f}%"></span>'
            for place, part in (("first", first), ("second", last))
        )
        alt = t(ON_THE_WAY[kind], share=share, answer=look.names[best])
        said = f'{escape(look.names[best])} {p[best]:.0%}<span class="mnistlab-three">{bar}</span>'
        figures += figure(image, alt, said, 84)
    return f'<h3>{escape(title)}</h3><div class="mnistlab-strip">{figures}</div>'
