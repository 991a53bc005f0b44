"""What names in a notebook's code stand for (imports, enum classes, type aliases), by reading, never by running."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

ENUM_BASES = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum"})

# Notebooks often import in an earlier cell or by `*`; these names are then taken for what they nearly always are.
USUAL_MEANINGS: Mapping[str, str] = {
    "date": "datetime.date",
    "datetime": "datetime.datetime",
    "timezone": "datetime.timezone",
    "UTC": "datetime.UTC",
    "Enum": "enum.Enum",
    "StrEnum": "enum.StrEnum",
    "IntEnum": "enum.IntEnum",
    **{
        name: f"typing.{name}"
        for name in ("Annotated", "Any", "Dict", "List", "Literal", "Mapping", "Optional", "Sequence", "Union")
    },
}


@dataclass(frozen=True)
class EnumClass:
    """An enum class of the notebook: its name and its members' value expressions, in their order."""

    name: str
    members: Mapping[str, ast.expr]


@dataclass
class Scope:
    """The names known so far: imported ones by what they import, enum classes and type aliases of the notebook."""

    imports: dict[str, str] = field(default_factory=dict)
    enums: dict[str, EnumClass] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)

    def read_statement(self, statement: ast.stmt) -> bool:
        """Learn from an import or an enum class; whether the statement was one of these."""
        if isinstance(statement, ast.Import):
            for name in statement.names:
                self.imports[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )
            return True
        if isinstance(statement, ast.ImportFrom):
            for name in statement.names:
                self.imports[name.asname or name.name] = f"{statement.module or ''}.{name.name}"
            return True
        if isinstance(statement, ast.ClassDef):
            self._read_class(statement)
            return True
        return False

    def _read_class(self, statement: ast.ClassDef) -> None:
        bases = [self.qualified(base) for base in statement.bases]
        if not any(base in ENUM_BASES or base in self.enums for base in bases):
            return
        members: dict[str, ast.expr] = {}
        for line in statement.body:
            if isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
                name = line.targets[0].id
                if not name.startswith("_"):
                    members[name] = line.value
        self.enums[statement.name] = EnumClass(statement.name, members)

    def qualified(self, node: ast.expr) -> str | None:
        """The full dotted name that a name or attribute stands for (`dt.date`: `datetime.date`), None for others."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.append(node.id)
        parts.reverse()
        head, rest = parts[0], parts[1:]
        if head in self.enums:
            return ".".join(parts)
        if head in self.imports:
            head = self.imports[head]
        elif not rest or head in ("date", "timezone"):
            head = USUAL_MEANINGS.get(head, head)
        elif head == "datetime" and rest[0] not in ("date", "datetime", "timezone", "UTC"):
            head = "datetime.datetime"  # `datetime.now` without an import: the class, not the module
        name = ".".join([head, *rest])
        return name.replace("typing_extensions.", "typing.", 1).replace("collections.abc.", "typing.", 1)
