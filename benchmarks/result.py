"""What a comparison says in the end, as a table and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One comparison.

    Attributes:
        name: of its folder.
        title, question: for the reader.
        columns: headings; rows: as many cells each, ready to print.
        verdict: the ratios that count, in a sentence each.
        versions: of the packages compared.
    """

    name: str
    title: str
    question: str
    columns: list[str]
    rows: list[list[str]]
    verdict: list[str]
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def markdown(self) -> str:
        """A section: question, table, verdict."""
        table = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        lines = [f"## {self.title}", "", self.question, ""]
        lines += ["| " + " | ".join(row) + " |" for row in table]
        lines += [""] + [f"* {sentence}" for sentence in self.verdict]
        versions = ", ".join(f"{package} {version}" for package, version in self.versions.items())
        return "\n".join([*lines, "", f"Versions: {versions}.", ""])
