"""The command `mnistlab`: what the library does, put together for a terminal.

Results go to standard output, progress bars and messages to standard error, so `--json` prints one object and nothing
else. Exit status: 0 done, 1 it could not be done (one sentence says why), 2 the command was wrong.
"""

import argparse
import json
import math
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from . import data, files, language
from .evaluation import evaluate
from .experiments import with_other_labels
from .network import build
from .presets import PRESETS, preset
from .reproduce import CLAIMS, reproduce
from .settings import TABLE, Settings, generators
from .training import train
from .tutorial import train_tutorial


class CommandError(Exception):
    """A command that cannot be carried out; the message is shown as it is."""


def main(arguments=None):
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    for stream in sys.stdout, sys.stderr:  # a file's name may have letters that the terminal has not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return options.run(options) or 0
    except (CommandError, data.NotDownloaded, files.DownloadError, files.CannotWrite, ValueError) as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'A file'}: {error.strerror or error}."
    except KeyboardInterrupt:
        message = "Stopped."
    except MemoryError:
        message = "There is not enough memory for this; try fewer or smaller hidden layers, or smaller batches."
    print(f"mnistlab: {message}", file=sys.stderr)
    return 1


def _parser():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data-dir", help="folder of the full datasets (default: the variable MNISTLAB_DATA, else your cache folder)"
    )
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="print JSON and nothing else")

    parser = argparse.ArgumentParser(prog="mnistlab", description="Watch a network in readable NumPy learn digits.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name, run, help, *parents):
        made = commands.add_parser(name, help=help, description=help, parents=[common, *parents])
        made.set_defaults(run=run)
        return made

    app = command("app", _app, "Open the lab in the browser.")
    app.add_argument("--port", type=int, default=8866, help="port of the page (default: %(default)s)")
    app.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    app.add_argument("--dataset", choices=data.NAMES, default="sample", help="what it starts with (default: sample)")
    app.add_argument("--threads", type=int, help="BLAS threads of each page (default: 1)")

    fetch = command("download", _download, "Fetch a full dataset once.", machine)
    fetch.add_argument("dataset", nargs="?", default="mnist", choices=data.NAMES[1:])  # the sample is always there

    lesson = command("tutorial", _tutorial, "Train the NumPy tutorial's network, to the published digits.", machine)
    lesson.add_argument("--dataset", choices=data.NAMES, help="default: mnist where it is, else the bundled sample")
    lesson.add_argument("--epochs", type=int, default=20)
    lesson.add_argument("--train-size", type=int, default=1000)
    lesson.add_argument("--hidden-size", type=int, default=100)
    lesson.add_argument("--learning-rate", type=float, default=0.005)
    lesson.add_argument("--seed", type=int, default=884736743)
    lesson.add_argument("--exact-gradients", action="store_true", help="mend the tutorial's two slips")

    again = command("reproduce", _reproduce, "Measure anew what the source texts print, on the full MNIST.", machine)
    again.add_argument("--only", nargs="+", choices=CLAIMS, metavar="NAME", help=f"some of {', '.join(CLAIMS)}")

    training = command("train", _train, "Train a network and measure it on the test set.", machine)
    training.add_argument("--dataset", choices=data.NAMES, default="sample", help="default: sample")
    training.add_argument("--preset", choices=tuple(PRESETS), help="settings to start from; options go first")
    for name, item in TABLE.items():
        # A setting that is on or off is turned on by --batch-norm and off by --no-batch-norm.
        kind = (
            {"action": argparse.BooleanOptionalAction} if item.type is bool
            else {"type": item.type, "choices": item.metadata["choices"] or None}
        )
        training.add_argument(
            f"--{name.replace('_', '-')}", help=f"{item.metadata['help']} (default: {item.default})", **kind
        )
    training.add_argument("--save", metavar="MODEL.npz", help="keep the trained network")

    guess = command("predict", _predict, "Read the digits on images with a saved network.", machine)
    guess.add_argument("--model", required=True, metavar="MODEL.npz")
    guess.add_argument("images", nargs="+", metavar="IMAGE")
    return parser


def _app(options):
    from . import server

    dataset = options.dataset
    if options.threads is not None and options.threads < 1:
        raise CommandError(f"--threads is {options.threads}; it must be at least 1.")
    try:
        _present(dataset, options.data_dir)
    except (files.DownloadError, files.CannotWrite) as error:
        print(f"mnistlab: {error} Starting with the bundled sample.", file=sys.stderr)
        dataset = "sample"
    server.serve(
        port=options.port, browser=not options.no_browser, dataset=dataset, data_dir=options.data_dir,
        threads=options.threads,
    )


def _download(options):
    language.speak(os.environ.get("MNISTLAB_LANG") or language.ENGLISH)  # the lab shows on its page what is said here
    folder = _fetch(options.dataset, options.data_dir)
    if options.json:
        print(json.dumps({"dataset": options.dataset, "folder": str(folder)}))
    else:
        print(f"{data.TITLES[options.dataset]} is in {folder}.")


def _present(dataset, data_dir):
    """(training set, test set) of the dataset, fetched if it is not on this machine."""
    try:
        return data.load(dataset, data_dir)
    except data.NotDownloaded:
        _fetch(dataset, data_dir)
        return data.load(dataset, data_dir)


def _fetch(dataset, data_dir):
    """Download the dataset if the data folder lacks it, with a bar. Returns the folder of its files."""
    bar = Bar(f"Downloading {data.TITLES[dataset]}")
    # Without this the signal (the page's Cancel sends it) would leave the unfinished file behind.
    usual = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return data.download(dataset, data_dir, lambda done, total: bar.show(done / total))
    finally:
        signal.signal(signal.SIGTERM, usual)
        bar.end()


def _tutorial(options):
    name = options.dataset or "mnist"
    try:
        train_set, test_set = data.load(name, options.data_dir)
    except data.NotDownloaded:
        if options.dataset:
            raise
        train_set, test_set = data.load("sample")
        print(
            "MNIST is not on this machine, so the bundled sample is used: the same training images, other test "
            "images. For the published figures: mnistlab download mnist", file=sys.stderr,
        )
    started, rows = perf_counter(), []
    bar = Bar("Training")
    for row in train_tutorial(
        train_set, test_set, epochs=options.epochs, train_size=options.train_size, hidden_size=options.hidden_size,
        learning_rate=options.learning_rate, seed=options.seed, exact_gradients=options.exact_gradients,
    ):
        if not math.isfinite(row.training_error + row.test_error):
            break
        rows.append(row)
        bar.show(len(rows) / options.epochs)
    bar.end()
    seconds = perf_counter() - started
    if options.json:
        print(_json({"epochs": [asdict(row) for row in rows], "seconds": seconds}))
    else:
        print("epoch  training error  training accuracy  test error  test accuracy")
        for row in rows:
            print(
                f"{row.epoch:5}  {row.training_error:14.3f}  {row.training_accuracy:17.3f}"
                f"  {row.test_error:10.3f}  {row.test_accuracy:13.3f}"
            )
        print(f"{seconds:.2f} s")
    if len(rows) < options.epochs:
        raise CommandError(
            f"The error is no longer a finite number in epoch {len(rows)}: the run has ended. The learning rate "
            f"({options.learning_rate:g}) is most likely too high; try a tenth of it."
        )


def _reproduce(options):
    outcomes = []
    for outcome in reproduce(*data.load("mnist", options.data_dir), options.only):
        outcomes.append(outcome)
        if not options.json:
            print(
                f"{outcome.name}: {outcome.verdict} ({outcome.seconds:.1f} s)\n  published: {outcome.published} "
                f"({outcome.source})\n  got: {outcome.got}\n  counts as the same: {outcome.tolerance}", flush=True,
            )
    if options.json:
        print(_json([outcome.as_dict() for outcome in outcomes]))
    return int(any(outcome.verdict != "holds" for outcome in outcomes))


def _train(options):
    chosen = Settings()
    if options.preset:
        preset(options.preset).apply(chosen)
    for name in TABLE:
        if getattr(options, name) is not None:
            setattr(chosen, name, getattr(options, name))
    folder = Path(options.save or "model.npz").resolve().parent
    if options.save and not folder.is_dir():
        raise CommandError(f"There is no folder {folder} to save the model in.")
    if options.save == "":
        raise CommandError("--save needs the name of a file, such as model.npz.")
    if options.save and not os.access(folder, os.W_OK):
        raise CommandError(f"The folder {folder} takes no files; choose another for --save.")
    if options.save and Path(options.save).is_dir():
        raise CommandError(f"{options.save} is a folder; --save needs the name of a file, such as model.npz.")
    whole, test_set = _present(options.dataset, options.data_dir)
    rngs = generators(chosen.seed)
    train_set, validation_set = data.training_split(whole, chosen, rngs.split)
    train_set = with_other_labels(train_set, chosen, rngs.labels)
    network = build(chosen, rngs.weights, whole.inputs, len(whole.class_names))
    run = train(network, train_set, validation_set, chosen)
    if not options.json:
        print(f"{network} on {len(train_set):,} images of {data.TITLES[options.dataset]}")
        print("epoch  training loss  accuracy  validation loss  accuracy  seconds")
    bar = Bar("Training")
    for progress in run:
        bar.show(progress.images / (len(train_set) * chosen.epochs))
        if progress.phase == "epoch" and not options.json:
            row = run.history.rows[-1]
            bar.end()
            print(
                f"{row.epoch:5}  {row.train_loss:13.4f}  {row.train_accuracy:8.2%}"
                f"  {row.validation_loss:15.4f}  {row.validation_accuracy:8.2%}  {row.seconds:7.2f}"
            )
    bar.end()
    if not options.json and not run.failure and run.best_epoch < run.epoch and chosen.patience:
        print(f"ended after epoch {run.epoch}; the weights are those of epoch {run.best_epoch}, the best")
    test = None if run.failure else evaluate(network, test_set, chosen.loss)
    result = {
        "epochs": run.history.as_dicts(),
        "test_loss": test and test.loss,
        "test_accuracy": test and test.accuracy,
        "train_seconds": sum(row.seconds for row in run.history.rows),
    }
    if options.json:
        print(_json(result))
    elif test:
        seconds = result["train_seconds"]
        print(f"test accuracy {test.accuracy:.2%}, test loss {test.loss:.4f}, {seconds:.2f} s of training")
    if options.save and not run.failure:
        from .export import origin_of, save_model

        # The figure that was just measured is a look at the test set.
        origin = origin_of(options.dataset, (chosen.seed, chosen.validation_fraction), test_looks=1)
        save_model(options.save, network, chosen, run.history, train_set, origin)
        print(f"Saved as {options.save}.", file=sys.stderr)
    if run.failure:
        raise CommandError(run.failure)


def _predict(options):
    from .export import load_model
    from .images import UnreadableImage, prepare

    model = load_model(options.model)
    results, failed = [], False
    for file in options.images:
        try:
            prepared = prepare(Path(file).read_bytes(), file)
        except (UnreadableImage, OSError) as error:
            reason = f"{file}: {error.strerror}." if isinstance(error, OSError) else str(error)
            print(f"mnistlab: {reason}", file=sys.stderr)
            results.append({"file": file, "label": None, "probabilities": None, "error": reason})
            failed = True
            continue
        if prepared.one_of_many:
            print(f"mnistlab: {file}: of several shapes on it the one with the most ink was read.", file=sys.stderr)
        pixels = prepared.pixels
        if pixels.size != model.network.inputs:
            raise CommandError(f"The model expects {model.network.inputs} pixels an image, not {pixels.size}.")
        name, label, probabilities = model.predict(pixels)
        results.append({"file": file, "label": label, "probabilities": [float(p) for p in probabilities]})
        if not options.json:
            print(f"{file}: {name} ({probabilities[label]:.1%})")
    if options.json:
        print(_json(results))
    return int(failed)


def _json(value):
    """JSON text in which a number that is not finite becomes null, as the standard has no word for it."""

    def plain(item):
        if isinstance(item, dict):
            return {key: plain(part) for key, part in item.items()}
        if isinstance(item, list):
            return [plain(part) for part in item]
        return None if isinstance(item, float) and not math.isfinite(item) else item

    return json.dumps(plain(value))


class Bar:
    """A progress bar on standard error: redrawn in place, a line at most a hundred times."""

    WIDTH = 30

    def __init__(self, title):
        self.title, self.shown = title, None

    def show(self, share):
        """share: how much is done, 0 to 1."""
        percent = int(100 * share)
        if percent != self.shown:
            self.shown = percent
            filled = int(self.WIDTH * share)
            bar = "#" * filled + "." * (self.WIDTH - filled)
            print(f"\r{self.title} [{bar}] {percent} %", end="", file=sys.stderr, flush=True)

    def end(self):
        """Clear the line, so that what is printed next starts on a clean one."""
        if self.shown is not None:
            print("\r" + " " * (len(self.title) + self.WIDTH + 10) + "\r", end="", file=sys.stderr, flush=True)
            self.shown = None
