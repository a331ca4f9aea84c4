"""The config's JSON Schema, for editors: made from the models, in the YAML's form.

Durations are texts, one value may stand for a list, every secret may be given as a file, and what is not
supported yet is not valid.
"""

from __future__ import annotations

import json
from typing import Any, Final

from relay.config.model import ConfigFile, Http, StratAlerts
from relay.destinations.kinds import KINDS
from relay.document.fields import Section

_WITH_SECRETS: Final[tuple[type[Section], ...]] = (StratAlerts, Http, *KINDS.values())
_NAMED: Final = ("properties", "$defs")  # hold schemas by names that are no keywords
_FILES: Final = {"secret": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a config file."""
    schema = _tidy(ConfigFile.model_json_schema(mode="validation"))
    definitions: dict[str, dict[str, Any]] = schema["$defs"]
    for section in _WITH_SECRETS:
        _add_files(definitions[section.__name__], section.secret_keys)
    branches = schema["properties"]["destinations"]["additionalProperties"]
    shown = {f"#/$defs/{model.__name__}" for model in KINDS.values()}
    branches["anyOf"] = [branch for branch in branches["anyOf"] if branch.get("$ref") in shown]
    for name in [name for name in definitions if name.startswith("_")]:
        del definitions[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is true of the models and not of the YAML: titles, nulls, defaults in seconds.

    Alternatives may overlap (3 is a threshold in either form), so that any of them will do.
    """
    tidy: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" or (key == "default" and (value is None or isinstance(value, dict))):
            continue
        if key in _NAMED:
            tidy[key] = {name: _tidy(item) for name, item in value.items()}
        elif key in {"anyOf", "oneOf"}:
            tidy["anyOf"] = [_tidy(item) for item in value if item != {"type": "null"}]
        else:
            tidy[key] = _tidy(value) if isinstance(value, dict) else value
    alternatives = tidy.get("anyOf", ())
    return {**tidy.pop("anyOf")[0], **tidy} if len(alternatives) == 1 else tidy


def _add_files(definition: dict[str, Any], secrets: tuple[str, ...]) -> None:
    """Let ``x_file`` stand for ``x``, and never both."""
    rules: list[dict[str, Any]] = []
    required: list[str] = definition.pop("required", [])
    for name in secrets:
        file = f"{name}_file"
        form = _FILES.get(name, {"type": "string"})
        definition["properties"][file] = {**form, "description": f"A file that holds {name}, in its place."}
        if name in required:
            required.remove(name)
            rules.append({"oneOf": [{"required": [name]}, {"required": [file]}]})
        else:
            rules.append({"not": {"required": [name, file]}})
    definition["allOf"] = rules
    if required:
        definition["required"] = required
