"""The Schema Registry, over confluent_kafka's client: ids of schemas that we write, schemas of ids that we read.

The I/O thread asks, so every question has a deadline, and a registry that has just failed to answer is not asked again
for a moment: many partitions must not wait for it one after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.events.bounds import UnboundedSchemaError, require_bounded
from consumer.events.schemas import PARSE_ERRORS, EventSchema, parse

REQUEST_SECONDS = 2.0
# In all: a time-out of the client counts from byte to byte, and looking up a name has none.
ANSWER_SECONDS = 3.0
SILENCE_SECONDS = 2.0
# The registry's own answers that no waiting changes: subject, version or schema not found.
_NOT_FOUND = range(40400, 40500)
_REFUSED = (409, 422)
# What the client raises for an answer that is not of a registry's form.
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError)


class UnknownSchemaError(PermanentError):
    """The registry has no usable schema of this id."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.EVENT_UNDECODABLE, message)


class Registry:
    """One registry; ids and schemas are asked for once and kept.

    Args:
        url: SCHEMA_REGISTRY_URL, several separated by commas; user and password may stand in the first.
        register: whether schemas are registered, or only looked up.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: the address is none.
    """

    def __init__(self, url: str, *, register: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._register, self._clock = register, clock
        self._client = _client(url)
        self._ids: dict[tuple[str, bytes], int] = {}
        self._schemas: dict[int, EventSchema] = {}
        self._asking: threading.Thread | None = None
        self._silent_until = 0.0

    def schema_id(self, topic: str, schema: EventSchema) -> int:
        """The id of the schema of a topic's values (subject by TopicNameStrategy).

        Raises:
            TransientError: the registry does not answer, or refuses this client.
            PermanentError: it refuses the schema, or does not have it and may not be given it.
        """
        subject = f"{topic}-value"
        key = subject, schema.fingerprint
        if key not in self._ids:
            self._ids[key] = self._ask_id(subject, Schema(schema.text, "AVRO"))
        return self._ids[key]

    def schema(self, schema_id: int) -> EventSchema:
        """The schema with this id.

        Raises:
            TransientError: the registry does not answer, or refuses this client.
            UnknownSchemaError: there is none, or it is not one that values can be read with.
        """
        if schema_id not in self._schemas:
            self._schemas[schema_id] = self._fetch(schema_id)
        return self._schemas[schema_id]

    def _ask_id(self, subject: str, schema: Schema) -> int:
        def ask() -> int | None:
            if self._register:
                return self._client.register_schema(subject, schema)
            return self._client.lookup_schema(subject, schema).schema_id

        try:
            found = self._ask(ask)
        except SchemaRegistryError as error:
            if error.http_status_code in _REFUSED:
                self._refuse(f"refuses the schema of {subject} (HTTP {error.http_status_code}): set the subject's "
                             "compatibility, or let it keep to the files in schemas/")  # fmt: skip
            if _not_found(error):
                self._refuse(
                    f"does not have the schema of {subject}: register it, or set SCHEMA_REGISTRY_AUTO_REGISTER"
                )
            raise _unavailable(error) from None
        if not isinstance(found, int):
            raise _outage("answers with something else than a schema id")
        return found

    def _fetch(self, schema_id: int) -> EventSchema:
        try:
            found = self._ask(lambda: self._client.get_schema(schema_id))
        except SchemaRegistryError as error:
            if _not_found(error):
                raise UnknownSchemaError(f"The schema registry has no schema with the id {schema_id}.") from None
            raise _unavailable(error) from None
        if not found.schema_str:
            raise _outage("answers with something else than a schema")
        if found.schema_type not in (None, "AVRO"):
            raise UnknownSchemaError(f"The schema with the id {schema_id} is of type {found.schema_type}, not Avro.")
        try:
            schema = parse(found.schema_str)
            require_bounded(schema.parsed)
        except UnboundedSchemaError as error:
            raise UnknownSchemaError(f"The schema with the id {schema_id} is not accepted: {error}.") from None
        except PARSE_ERRORS:
            raise UnknownSchemaError(f"The schema with the id {schema_id} cannot be parsed as Avro.") from None
        return schema

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The client's answer; it raises SchemaRegistryError where the registry gave one that says no."""
        if self._clock() < self._silent_until or (self._asking is not None and self._asking.is_alive()):
            raise _outage("does not answer")
        answers: SimpleQueue[Any] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(question())
            except Exception as error:  # noqa: BLE001 - judged by the thread that waits
                answers.put(error)

        self._asking = threading.Thread(target=ask, name="schema-registry", daemon=True)
        self._asking.start()
        try:
            answer = answers.get(timeout=ANSWER_SECONDS)
            # It has answered, and may yet need a moment to end.
            self._asking = None
        except Empty:
            answer = TimeoutError()
        if not isinstance(answer, Exception):
            return answer
        if isinstance(answer, SchemaRegistryError) and answer.http_status_code < 500:
            raise answer
        self._silent_until = self._clock() + SILENCE_SECONDS
        raise _unavailable(answer) from None

    def _refuse(self, what: str) -> NoReturn:
        raise PermanentError(ErrorCode.EVENT_UNDECODABLE, f"The schema registry {what}.") from None


def _client(url: str) -> SchemaRegistryClient:
    """A client whose addresses carry no credentials: they would stand in its messages and in httpx's logs."""
    config: dict[str, Any] = {"timeout": REQUEST_SECONDS, "max.retries": 0}
    addresses = []
    try:
        for address in url.split(","):
            parts = urlsplit(address.strip())
            if parts.username is not None:
                user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                config.setdefault("basic.auth.user.info", user)
            addresses.append(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))
            # `port` raises ValueError itself, for one that is no number.
            if parts.scheme != "mock" and not (
                parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            ):
                raise ValueError
        return SchemaRegistryClient.new_client({**config, "url": ",".join(addresses)})
    except ValueError:
        raise ConfigurationError(
            "SCHEMA_REGISTRY_URL must be an http(s) address, for example http://registry:8081."
        ) from None


def _not_found(error: SchemaRegistryError) -> bool:
    """Whether the registry itself says so: a 404 of a proxy before it, or of a wrong path, carries no such code."""
    return error.http_status_code == 404 and error.error_code in _NOT_FOUND


def _unavailable(error: Exception) -> TransientError:
    """An outage in our words: the client's own may quote addresses and pages."""
    if isinstance(error, TransientError):
        return error
    if isinstance(error, SchemaRegistryError):
        refused = error.http_status_code in (401, 403)
        hint = "check user and password in SCHEMA_REGISTRY_URL" if refused else "check SCHEMA_REGISTRY_URL"
        return _outage(f"answers with HTTP {error.http_status_code} ({hint})")
    if isinstance(error, _NONSENSE):
        return _outage("does not answer as one does (check SCHEMA_REGISTRY_URL)")
    # By name alone: which HTTP library the client uses, and its exceptions, are its own affair.
    return _outage(f"cannot be reached ({type(error).__name__}; check SCHEMA_REGISTRY_URL)")


def _outage(what: str) -> TransientError:
    return TransientError(ErrorCode.EVENT_UNDECODABLE, f"The schema registry {what}.")
