"""A line of the table that `python -m benchmarks` prints, the table itself, and its place in the README."""

from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- {}: start -->", "<!-- {}: end -->"

HEAD = "| work | measured | peer | ratio | must reach |\n|---|---|---|---|---|"


@dataclass
class Row:
    """The work; what was measured; what a peer took for it; the ratio; what must be reached, and whether it was."""

    work: str
    measured: str
    peer: str = ""
    ratio: str = ""
    must_reach: str = ""
    reached: bool = True

    def __str__(self):
        goal = self.must_reach + ("" if self.reached else ": **missed**")
        return f"| {self.work} | {self.measured} | {self.peer} | {self.ratio} | {goal} |"


def table(rows):
    """Rows as a Markdown table."""
    return "\n".join([HEAD, *map(str, rows)])


def put_in_readme(part, text):
    """Replace what stands between the marks of `part`."""
    readme = README.read_text("utf-8")
    start, end = START.format(part), END.format(part)
    before, after = readme.split(start)[0], readme.split(end)[1]
    README.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")
