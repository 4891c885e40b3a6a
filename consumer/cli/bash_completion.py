"""Completion in bash, which takes `NAME=VALUE` for three words; importing this tells click of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

_EQUALS = "="


def put_together(words: Sequence[str]) -> list[str]:
    """Words as they were typed: those around a `=` that stands alone are one."""
    found: list[str] = []
    open_end = False
    for word in words:
        if found and (word == _EQUALS or open_end):
            found[-1] += word
        else:
            found.append(word)
        open_end = word == _EQUALS
    return found


class WholeWords(BashComplete):
    """Asks about whole words, and answers with what bash puts behind the last `=`."""

    name = BashComplete.name
    # Behind a setting's name comes its value, and no space.
    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)\n", "COMPREPLY+=($value)\n            [[ $value == *= ]] && compopt -o nospace\n"
    )
    _replaced = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        words, number = split_arg_string(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        typed = [*words[:number], words[number] if number < len(words) else ""]
        *args, incomplete = put_together(typed)
        if _EQUALS in typed[-2:]:
            self._replaced = incomplete.removesuffix(typed[-1].removeprefix(_EQUALS))
        return args[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{item.type},{item.value.removeprefix(self._replaced)}"


add_completion_class(WholeWords)
