"""An answer is taken apart as it was put together."""

from __future__ import annotations

from consumer.demo.sentences import NOTHING, Answer, Event, Told, parse


def test_an_answer_with_everything() -> None:
    text = "marker 07\n[12.2s] an orange star enters from the top\n\n[15s] the orange star stops\nfoo bar\n"
    assert parse(text) == Answer(
        7, (Told(12.2, "an orange star enters from the top"), Told(15.0, "the orange star stops")), ("foo bar",)
    )


def test_nothing() -> None:
    assert parse(f"marker 10\n{NOTHING}") == Answer(10, (), ())
    assert parse("") == Answer(None, (), ())


def test_sentences_come_back_by_parsing() -> None:
    event = Event(3.9, "turns", "red", "square", new_colour="blue")
    assert parse(f"[4.2s] {event.sentence}").told == (Told(4.2, "the red square turns blue"),)
