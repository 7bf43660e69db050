"""Writes docs/commands.md from the commands themselves: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from mockserver.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = r"""# Commands

What can I run, and with which options? Every command explains itself with `--help`. Exit code 2 means that it could not
do what it was asked to.

## Completion in your shell

The Tab key completes commands, options, their values, files, operations and types of webhooks. Add the line of your
shell to its settings, and open a new terminal:

| Shell | File | Line |
| --- | --- | --- |
| bash 4.4 or newer | `~/.bashrc` | `eval "$(_MOCKSERVER_COMPLETE=bash_source mockserver)"` |
| zsh | `~/.zshrc` | `eval "$(_MOCKSERVER_COMPLETE=zsh_source mockserver)"` |
| fish | `~/.config/fish/completions/mockserver.fish` | `_MOCKSERVER_COMPLETE=fish_source mockserver \| source` |

<!-- Made by `make docs` from the commands themselves: change those. -->
"""


def page() -> str:
    context = click.Context(main, info_name="mockserver")
    rows = []
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        rows.append("\n".join(_command(name, command, click.Context(command, context, name))))
    return HEAD + "\n" + "\n\n".join(rows) + "\n"


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    arguments = [_argument(one) for one in command.params if isinstance(one, click.Argument)]
    yield f"## mockserver {name}\n"
    yield f"`{' '.join(['mockserver', name, '[OPTIONS]', *arguments])}`\n"
    yield cleandoc(command.help or "")
    options = [_option(one, context) for one in command.params if isinstance(one, click.Option)]
    if options:
        yield "\n| Option | Default | Environment | Meaning |"
        yield "| --- | --- | --- | --- |"
        yield from options
    for below, one in command.commands.items() if isinstance(command, click.Group) else ():
        yield "\n#" + "\n".join(_command(f"{name} {below}", one, click.Context(one, context, below)))


def _argument(argument: click.Argument) -> str:
    shown = argument.human_readable_name.upper()
    return shown if argument.required else f"[{shown}]"


def _option(option: click.Option, context: click.Context) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else " " + option.make_metavar(context).removesuffix(" RANGE")
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    extra = option.get_help_extra(context)
    default = "; ".join(str(extra[key]) for key in ("default", "range") if key in extra)
    cells = [f"`{names}{value}`", default, ", ".join(f"`{one}`" for one in variables), option.help or ""]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
