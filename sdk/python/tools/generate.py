"""Makes `src/tenure/api.py` of the OpenAPI document: a `TypedDict` for each object, a `Literal` for each set of words.

It knows what our own document uses of JSON Schema and refuses the rest, so that nothing is left out in silence.

    python tools/generate.py            writes the file
    python tools/generate.py --check    says whether it is stale
"""

from __future__ import annotations

import argparse
import json
import keyword
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "crates/tenure-server/openapi.json"
TARGET = ROOT / "sdk/python/src/tenure/api.py"

HEAD = '''"""The shapes of the HTTP interface.

Made of its OpenAPI document by tools/generate.py; not to be edited.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict
'''

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
# What says nothing about a type.
SILENT = {"description", "format", "minimum", "maximum", "default", "propertyNames", "pattern", "example"}

Schema = dict[str, Any]


def python_name(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.replace(".", "_").split("_"))


class Generator:
    """Collects definitions in the order of their names."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas
        self.done: list[str] = []

    def all(self) -> str:
        for name in sorted(self.schemas):
            self.define(python_name(name), self.schemas[name])
        return HEAD + "\n\n" + "\n\n".join(self.done) + "\n"

    def define(self, name: str, schema: Schema) -> None:
        choices = schema.get("oneOf", [])
        variants = None if choices and not any("properties" in one for one in choices) else self.objects(schema)
        if variants is not None and len(variants) == 1:
            self.typed_dict(name, schema.get("description", ""), variants[0])
        elif variants is not None:
            names = [self.variant(name, one, i) for i, one in enumerate(variants)]
            for one, label in zip(variants, names, strict=True):
                self.typed_dict(label, one.get("description", ""), one)
            self.alias(name, schema, " | ".join(names))
        else:
            self.alias(name, schema, self.type(schema, name))

    def alias(self, name: str, schema: Schema, value: str) -> None:
        self.done.append(f'{name}: TypeAlias = "{value}"' + docstring(schema.get("description", ""), ""))

    def typed_dict(self, name: str, description: str, schema: Schema) -> None:
        required = set(schema.get("required", []))
        fields = []
        for field, of in schema.get("properties", {}).items():
            kind = self.type(of, name + python_name(field))
            fields.append((field, kind if field in required else f"NotRequired[{kind}]", of.get("description", "")))
        if any(keyword.iskeyword(field) or not field.isidentifier() for field, _, _ in fields):
            body = "".join(f'        "{field}": "{kind}",\n' for field, kind, _ in fields)
            text = f'{name} = TypedDict(\n    "{name}",\n    {{\n{body}    }},\n)'
            self.done.append(text + docstring(description, ""))
            return
        lines = [f"class {name}(TypedDict):" + docstring(description or name, "    ")]
        for field, kind, about in fields:
            lines += [f"    # {line}" for line in textwrap.wrap(about, 110)]
            lines.append(f"    {field}: {kind}")
        self.done.append("\n".join(lines))

    def objects(self, schema: Schema) -> list[Schema] | None:
        """The objects that a schema may be; nothing if it may be something else."""
        if "$ref" in schema:
            return self.objects(self.schemas[schema["$ref"].rsplit("/", 1)[1]])
        if "oneOf" in schema:
            found = [self.objects(one) for one in schema["oneOf"]]
            return None if any(one is None for one in found) else [each for one in found if one for each in one]
        if "allOf" in schema:
            combined: list[Schema] = [{"properties": {}, "required": []}]
            for one in schema["allOf"]:
                parts = self.objects(one)
                if parts is None:
                    return None
                combined = [merged(a, b) for a in combined for b in parts]
            return combined
        return [schema] if "properties" in schema else None

    def variant(self, name: str, schema: Schema, i: int) -> str:
        """A name for one of several objects: by its `type`, else by the first field that it needs."""
        for word in ("type", "method"):
            kind = schema["properties"].get(word, {}).get("enum", [])
            if len(kind) == 1:
                return name + python_name(kind[0].replace(".", "_"))
        required = schema.get("required", [])
        label = name + (python_name(required[0]) if required else str(i))
        return f"{label}{i}" if label in (python_name(known) for known in self.schemas) else label

    def type(self, schema: Schema, name: str) -> str:
        """A type in one line; objects inside get a name of their own."""
        if "$ref" in schema:
            return python_name(schema["$ref"].rsplit("/", 1)[1])
        known = next((known for known, one in self.schemas.items() if one == schema and "properties" in one), None)
        if known is not None and python_name(known) != name:
            return python_name(known)
        if "enum" in schema:
            return f"Literal[{', '.join(repr(word) for word in schema['enum'])}]"
        for word in ("oneOf", "anyOf"):
            if word in schema:
                labels = [
                    self.variant(name, one, i) if "properties" in one else f"{name}{i}"
                    for i, one in enumerate(schema[word])
                ]
                found = (self.type(one, label) for one, label in zip(schema[word], labels, strict=True))
                return " | ".join(dict.fromkeys(found))
        if "allOf" in schema or "properties" in schema:
            if list(schema) == ["allOf"] and len(schema["allOf"]) == 1:
                return self.type(schema["allOf"][0], name)
            self.define(name, schema)
            return name
        return self.plain(schema, name)

    def plain(self, schema: Schema, name: str) -> str:
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        odd = set(schema) - SILENT - {"type", "items", "additionalProperties", "required"}
        if odd:
            raise SystemExit(f"{name}: {', '.join(sorted(odd))} is not known here; teach tools/generate.py")
        return " | ".join(self.word(kind, schema, name) for kind in kinds) or "Any"

    def word(self, kind: str, schema: Schema, name: str) -> str:
        if kind == "array":
            return f"list[{self.type(schema.get('items', {}), name + 'Item')}]"
        if kind == "object":
            values = schema.get("additionalProperties", {})
            return f"dict[str, {self.type(values, name + 'Value') if isinstance(values, dict) else 'Any'}]"
        return PLAIN[kind]


def merged(a: Schema, b: Schema) -> Schema:
    properties = {**a.get("properties", {}), **b.get("properties", {})}
    return {**a, **b, "properties": properties, "required": [*a.get("required", []), *b.get("required", [])]}


def docstring(text: str, indent: str) -> str:
    if not text:
        return ""
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = textwrap.wrap(text, 110)
    return "\n" + textwrap.indent('"""' + "\n".join(lines) + ('"""' if len(lines) == 1 else '\n"""'), indent)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="only say whether the file is stale")
    check = arguments.parse_args().check
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    made = Generator(schemas).all()
    if not check:
        TARGET.write_text(made)
    elif not TARGET.is_file() or TARGET.read_text() != made:
        sys.exit("src/tenure/api.py is stale: python tools/generate.py")


if __name__ == "__main__":
    main()
