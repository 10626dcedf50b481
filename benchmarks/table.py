"""A line of the table that `python -m benchmarks` prints, and the table itself."""

from dataclasses import dataclass

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
