"""The document as one HTML page that needs nothing else: topics, headers, and fields with their nested ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consumer.report.markup import Markup, join, tag
from consumer.report.style import STYLE

Json = dict[str, Any]
Row = tuple[Markup, ...]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MORE_STYLE = Markup("""
main { max-width: 64rem; }
h2 { font-size: 1.375rem; overflow-wrap: anywhere; }
h4 { font-size: .9375rem; margin: 1rem 0 0; }
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .8125rem; }
h2 code { font: inherit; }
nav a { margin-right: .75rem; white-space: nowrap; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; }
table { table-layout: auto; }
tr:first-child th { border-bottom: 1px solid var(--rule); }
th { width: auto; white-space: nowrap; }
td { border-bottom: 1px solid var(--rule); overflow-wrap: normal; }
td code, .fields td:nth-child(2) { white-space: nowrap; }
td:last-child { width: 100%; min-width: 18rem; }
.codes td { width: 50%; min-width: 14rem; }
.codes td:first-child { width: auto; min-width: 0; }
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block; width: auto; min-width: 0; }
  tr:first-child, td:empty { display: none; }
  tr { border-bottom: 1px solid var(--rule); padding: .375rem 0; }
  td, td:last-child, .codes td { border: 0; padding: 0; width: auto; min-width: 0; }
  td code, .fields td:nth-child(2) { white-space: normal; overflow-wrap: anywhere; }
  .fields td:nth-child(2), .default { color: var(--faint); }
  .default::before { content: "default "; }
}
""")
_INDENT = Markup("&emsp;")


def page(document: Mapping[str, Any]) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        document: of AsyncAPI 3, as `tools.asyncapi.document` makes it: one message a channel, values in Avro.
    """
    info, operations = document["info"], document["operations"].values()
    channels = document["channels"]
    links = [tag("a", channel["address"], href=f"#{name}") for name, channel in channels.items()]
    title = f"{info['title']} {info['version']}: the events"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        tag("style", STYLE, _MORE_STYLE),
    )
    body = tag(
        "main",
        tag("h1", title),
        *(tag("p", text) for text in info["description"].split("\n\n")),
        tag(
            "p",
            "From asyncapi.json, which ",
            tag("code", "make docs"),
            " writes from the schemas and the code.",
            class_="faint",
        ),
        tag("nav", *links, tag("a", "error codes", href="#codes"), aria_label="Topics"),
        *(
            _channel(name, channels[name], operation, document["components"]["messages"])
            for name, operation in zip(channels, operations, strict=True)
        ),
        _codes(document["x-error-codes"]),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _channel(name: str, channel: Json, operation: Json, messages: Json) -> Markup:
    kafka = channel["bindings"]["kafka"]
    (message,) = (messages[one] for one in channel["messages"])
    direction = "The consumer reads it." if operation["action"] == "receive" else "The consumer writes it."
    made = (
        f"{kafka['partitions']} partitions, cleanup.policy {', '.join(kafka['topicConfiguration']['cleanup.policy'])}"
    )
    key = message["bindings"]["kafka"]["key"]
    return tag(
        "section",
        tag("h2", tag("code", channel["address"])),
        tag("p", f"{channel['description']} {direction}"),
        tag("p", "As ", tag("code", "topics create"), f" makes it: {made}. Key: {key['description']}", class_="faint"),
        tag("h3", message["name"]),
        tag("p", message["summary"]) if message["summary"] != channel["description"] else None,
        tag("h4", "Headers"),
        _table("fields", ("name", "type", "meaning"), _headers(message["headers"])),
        _value(message),
        id=name,
    )


def _value(message: Json) -> Markup:
    if "payload" not in message:
        return join(tag("h4", "Value"), tag("p", "As received."))
    schema = message["payload"]["schema"]
    table = _table("fields", ("name", "type", "default", "meaning"), _fields(schema, 0))
    return join(tag("h4", f"Value: {schema['namespace']}.{schema['name']}"), table)


def _table(kind: str, names: Iterable[str], rows: Iterable[Row]) -> Markup:
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    return tag("div", tag("table", head, *(tag("tr", *row) for row in rows), class_=kind), class_="wide")


def _headers(schema: Json) -> Iterator[Row]:
    for name, one in schema["properties"].items():
        values = [one["const"]] if "const" in one else one.get("enum", [])
        choice = f" One of {', '.join(values)}." if len(values) > 1 else f" Always {values[0]}." if values else ""
        kind = "text" if name in schema["required"] else "text, may be missing"
        yield tag("td", tag("code", name)), tag("td", kind), tag("td", one["description"] + choice)


def _fields(record: Json, depth: int) -> Iterator[Row]:
    for field in record["fields"]:
        default = json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
        # That of a nested record stands with its fields.
        shown = default if not default.startswith('{"') else ""
        yield (
            tag("td", *[_INDENT] * depth, tag("code", field["name"])),
            tag("td", _type(field["type"])),
            tag("td", shown, class_="default"),
            tag("td", field["doc"]),
        )
        for nested in _records(field["type"]):
            yield from _fields(nested, depth + 1)


def _records(kind: Any) -> Iterator[Json]:
    """The records that are defined in a type."""
    if isinstance(kind, list):
        for branch in kind:
            yield from _records(branch)
    elif isinstance(kind, dict):
        if kind["type"] == "record":
            yield kind
        elif kind["type"] == "array":
            yield from _records(kind["items"])


def _type(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return " or ".join(map(_type, kind))
    if kind["type"] == "array":
        return f"list of {_type(kind['items'])}"
    if kind["type"] == "map":
        return f"map to {_type(kind['values'])}"
    return str(kind.get("logicalType") or kind.get("name") or _type(kind["type"]))


def _codes(codes: Json) -> Markup:
    rows = (
        (tag("td", tag("code", code)), tag("td", one["description"]), tag("td", one["remedy"]))
        for code, one in codes.items()
    )
    return tag(
        "section", tag("h2", "Error codes"), _table("codes", ("code", "meaning", "what to do"), rows), id="codes"
    )
