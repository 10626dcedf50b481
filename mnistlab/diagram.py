"""A drawing of a network as SVG text: a column for each layer with weights, what stands between them written below."""

from html import escape

from .language import t
from .network import parameter_count

INK, LINE, FILL = "#222222", "#9AA5B1", "#0072B2"
HEIGHT, STEP, DOTS = 170, 128, 7
MARKS = {
    "BatchNorm": "normalised", "LeakyReLU": "leaky ReLU", "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "ReLU",
}


def network_svg(description):
    """SVG text of a network described by `Network.describe`, with its sizes and its number of parameters.

    Raises ValueError for an unknown layer.
    """
    columns = _columns(description)
    said = _sentence(columns, parameter_count(description))
    width = STEP * len(columns)
    parts = [
        f'<svg class="mnistlab-diagram" viewBox="0 0 {width} {HEIGHT + 90}" '
        f'style="width:100%;max-width:{width}px" role="img" aria-label="{escape(said)}">'
    ]
    for number, (_, before) in enumerate(zip(columns[1:], columns)):
        parts.append(_lines(number, before, columns[number + 1]))
    for number, column in enumerate(columns):
        parts.append(_column(STEP * (number + 0.5), column))
    return "".join([*parts, "</svg>", f"<p>{escape(said)}</p>"])


def _columns(description):
    """[kind, how many, size in words, notes] for the input and for each layer with weights."""
    columns, shape = [], None
    for name, *arguments in description:
        if name == "Reshape":
            shape = arguments
            columns.append(["image", 1, t("1 image of {rows} × {columns}", rows=shape[1], columns=shape[2]), []])
        elif name == "Dense":
            if not columns:
                columns.append(["row", arguments[0], t("{count} pixels", count=arguments[0]), []])
            columns.append(["row", arguments[1], t("{count} units", count=arguments[1]), []])
        elif name == "Conv2D":
            channels, filters, kernel, stride, padding = arguments[:5]
            shape = [filters, *((side + 2 * padding - kernel) // stride + 1 for side in shape[1:])]
            columns.append(["image", filters, _images(shape), [t("{size} × {size} kernels", size=kernel)]])
        elif name == "MaxPool2D":
            size, stride = arguments
            shape = [shape[0], *((side - size) // stride + 1 for side in shape[1:])]
            columns[-1][3].append(t("pooled to {rows} × {columns}", rows=shape[1], columns=shape[2]))
        elif name == "Dropout":
            if arguments[0]:
                columns[-1][3].append(t("dropout {rate:g}", rate=arguments[0]))
        elif name != "Flatten":
            columns[-1][3].append(t(MARKS[name]))
    columns[-1][2] = t("{count} classes", count=columns[-1][1])
    return columns


def _images(shape):
    return t("{count} images of {rows} × {columns}", count=shape[0], rows=shape[1], columns=shape[2])


def _sentence(columns, parameters):
    path = " → ".join(
        t("{size} ({notes})", size=size, notes=t(", ").join(notes)) if notes else size for _, _, size, notes in columns
    )
    return t("{path}: {count:,} parameters", path=path, count=parameters)


def _places(kind):
    """The heights at which a column's dots, or its pile of images, are drawn."""
    if kind == "image":
        return [HEIGHT / 2]
    return [HEIGHT / 2 + (dot - (DOTS - 1) / 2) * 22 for dot in range(DOTS)]


def _lines(number, before, after):
    left, right = STEP * (number + 0.5), STEP * (number + 1.5)
    return "".join(
        f'<line x1="{left:g}" y1="{y1:g}" x2="{right:g}" y2="{y2:g}" stroke="{LINE}" stroke-width="0.6"/>'
        for y1 in _places(before[0]) for y2 in _places(after[0])
    )


def _column(x, column):
    kind, count, size, notes = column
    if kind == "image":
        shapes = "".join(
            f'<rect x="{x - 30 + 6 * k:g}" y="{HEIGHT / 2 - 34 + 6 * k:g}" width="48" height="48" fill="white" '
            f'stroke="{FILL}" stroke-width="1.5"/>' for k in range(1 if count == 1 else 3)
        )
    else:
        shapes = "".join(
            f'<circle cx="{x:g}" cy="{y:g}" r="8" fill="{FILL}"/>' for y in _places(kind)
        )
    texts = "".join(
        f'<text x="{x:g}" y="{HEIGHT + 14 + 16 * row:g}" text-anchor="middle" font-size="{12 if row else 13}" '
        f'font-weight="{400 if row else 600}" fill="{INK}">{escape(line)}</text>'
        for row, line in enumerate([size, *notes])
    )
    return shapes + texts
