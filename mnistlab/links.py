"""An experiment as part of an address, such as `?lr=0.5&hidden=64&lock=seed&panel=mistakes`, written and read.

Keys are the settings' names, or the short ones that the settings table gives them; beside them `preset`, `dataset`,
`hide` and `lock` (controls, separated by commas), `panel` and `lang`. Whatever is unknown or out of range becomes a
sentence and changes nothing: anybody may have written the address.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from . import data
from .language import ENGLISH, LANGUAGES, t
from .presets import preset
from .settings import TABLE, Settings, checked

# In characters, and in keys: no experiment needs more.
LONGEST, MOST_KEYS = 10_000, 100
# A value is repeated in a sentence up to so many characters.
SHOWN = 30
# Beside settings, what can be hidden or locked: the choice of presets and that of datasets.
OTHER_CONTROLS = ("preset", "dataset")
SHORT = {item.metadata["key"]: name for name, item in TABLE.items() if item.metadata["key"]}
UNKNOWN = {"hide": "There is no control {names} to hide.", "lock": "There is no control {names} to lock."}
# What servers, learning platforms and mail programs put there, and what is not ours to judge: whole keys, and how
# others begin.
FOREIGN = ("token", "reset", "clone", "template", "theme", "redirects", "file-browser-path")
FOREIGN_BEGINNINGS = ("voila-", "utm_", "fbclid", "gclid", "jupyterhub")


@dataclass(frozen=True)
class Link:
    """What an address asks for.

    values: settings by name; dataset: its name, or ""; hide, lock: names of controls; panel: which one to open, or "";
    problems: a sentence for each thing that could not be used.
    """

    values: dict
    dataset: str = ""
    hide: tuple = ()
    lock: tuple = ()
    panel: str = ""
    problems: tuple = ()


def read(query, panels=()):
    """The Link of an address's query ("?lr=0.5" or "lr=0.5"); panels: the names of those that there are.

    Raises nothing. Where a key comes twice, the last one counts.
    """
    try:
        if len(query) > LONGEST:
            raise ValueError
        asked = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=MOST_KEYS))
    except ValueError:
        return Link({}, problems=(t("It is too long to be an experiment; nothing of it is used."),))
    reader = _Reader(panels)
    # A preset is the ground, and single values are put on it, wherever they stand.
    for key, text in sorted(asked.items(), key=lambda item: item[0] != "preset"):
        reader.take(key, text)
    found = reader.found
    hide, lock = tuple(found["hide"]), tuple(found["lock"])
    return Link(**{**found, "hide": hide, "lock": lock}, problems=tuple(reader.problems))


class _Reader:
    def __init__(self, panels):
        self.panels, self.problems = panels, []
        self.found = {"values": {}, "dataset": "", "hide": [], "lock": [], "panel": ""}

    def take(self, key, text):
        name = _setting(key)
        try:
            if name in TABLE:
                self.found["values"][name] = parsed(name, text)
            elif key == "preset":
                self._take_preset(text)
            elif key == "dataset":
                self.found["dataset"] = data.known(_short(text))
            elif key == "panel":
                self._take_panel(text)
            elif key in ("hide", "lock"):
                self._take_controls(key, text)
            elif key == "lang":
                if not _language(text):
                    raise ValueError(t("There is no language {name!r} here. Choose en or zh.", name=_short(text)))
            elif key not in FOREIGN and not key.startswith(FOREIGN_BEGINNINGS):
                raise ValueError(t("There is nothing called {name!r} that an address could choose.", name=_short(key)))
        except ValueError as error:
            used = self.found["values"].get(name, TABLE[name].default) if name in TABLE else None
            what = t("It is left out.") if used is None else t("It stays at {value}.", value=used)
            self.problems.append(f"{error}{t(' ')}{what}")

    def _take_preset(self, text):
        chosen = Settings()
        preset(_short(text)).apply(chosen)
        self.found["values"] |= {name: getattr(chosen, name) for name in TABLE if name not in ("seed", "train_size")}

    def _take_panel(self, text):
        if text not in self.panels:
            raise ValueError(t("There is no panel {name!r} here. The panels are {names}.", name=_short(text),
                               names=t(", ").join(self.panels)))
        self.found["panel"] = text

    def _take_controls(self, key, text):
        unknown = []
        for one in filter(None, text.split(",")):
            name = _setting(one)
            (self.found[key] if name in TABLE or name in OTHER_CONTROLS else unknown).append(name)
        if unknown:
            names = t(", ").join(repr(_short(one)) for one in unknown[:3])
            raise ValueError(t(UNKNOWN[key], names=names))


def language(query, preferred=()):
    """The language that an address asks for ("?lang=zh"), else the first of those preferred that there is.

    preferred: as browsers name them, such as "zh-CN". Returns a key of LANGUAGES, English where nothing fits.
    """
    try:
        asked = parse_qsl(query.removeprefix("?")[:LONGEST], max_num_fields=MOST_KEYS)
    except ValueError:  # `read` says so
        asked = ()
    wanted = [text for key, text in asked if key == "lang"]
    return next(filter(None, map(_language, (*wanted[-1:], *preferred))), ENGLISH)


def _setting(key):
    """The name of the setting that an address means by "lr", "label_noise" or, as on a command line, "label-noise"."""
    return SHORT.get(key, key.replace("-", "_"))


def _language(text):
    """The key of the language that "zh", "zh-CN" or "zh_TW" begins with, or None."""
    code = text[:2].lower()
    return code if code in LANGUAGES and not text[2:3].isalpha() else None


def parsed(name, text):
    """The value of a setting from its text; raises ValueError as `Settings` does, with at most a bit of the text."""
    kind = TABLE[name].type
    if kind is bool:
        value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), _short(text))
    elif kind is str:
        value = _short(text)
    else:
        value = _number(text)
    return checked(name, value)


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return _short(text)


def _short(text):
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def write(settings, dataset="", hide=(), lock=(), panel=""):
    """The query, without its "?", that `read` makes the same of: the seed, and every setting not at its default."""
    pairs = {}
    for name, item in TABLE.items():
        value = getattr(settings, name)
        if value != item.default or name == "seed":
            pairs[item.metadata["key"] or name] = str(value).lower() if item.type is bool else str(value)
    others = {"dataset": dataset, "hide": ",".join(hide), "lock": ",".join(lock), "panel": panel}
    return urlencode({**pairs, **{key: value for key, value in others.items() if value}}, safe=",")
