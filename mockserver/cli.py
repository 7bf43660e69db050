"""The commands, each beside its subject and imported only when it is called, so that the server starts fast."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]  # where our packages are

# Name → the module and the function, and what it does in one line.
COMMANDS = {
    "serve": ("mockserver.serve.command:serve", "Start the fake Trophy."),
    "cast": (
        "mockserver.remote.cast:cast",
        "Show which seeded user is in which state, of all that a front end must draw.",
    ),
    "clock": ("mockserver.remote.clock:clock", "Show a world's clock, or move it."),
    "reset": ("mockserver.remote.clock:reset", "Put a world back to its seed."),
    "world": ("mockserver.remote.worlds:world", "Make, list and delete worlds."),
    "trigger": ("mockserver.remote.trigger:trigger", "Send a webhook now."),
    "requests": ("mockserver.remote.insight:requests", "Show what a world was asked."),
    "facts": ("mockserver.remote.insight:facts", "Show what happened in a world."),
    "why": ("mockserver.remote.insight:why", "Explain points, achievements, ranks and streaks."),
    "keep": ("mockserver.keep.command:keep", "List, show, export and import kept worlds."),
    "check": ("mockserver.check:check", "Report on the spec, or compare it with another version."),
    "example": ("mockserver.examples.command:example", "Print realistic requests, responses and webhooks."),
    "listen": ("mockserver.webhooks.listen:listen", "Receive webhooks and show what is right and wrong with them."),
    "verify": ("contract_tests.command:verify", "Test an implementation against the contract."),
    "verify-webhooks": ("mockserver.webhooks.verify_handler:verify_webhooks", "Test a webhook handler of yours."),
    "catalog-schema": ("mockserver.catalogs.command:catalog_schema", "Print the JSON Schema of catalogs, for editors."),
}


class Commands(click.Group):
    """A group that knows its commands by name, and what they do, without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (where, _) in COMMANDS.items() if _exists(where.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, function = COMMANDS[cmd_name][0].partition(":")
        _assure_ours(module)
        command: click.Command = getattr(import_module(module), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "`mockserver --help` lists them."
            raise click.UsageError(f"No such command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _assure_ours(module: str) -> None:
    """A project that uses us may have a folder `contract_tests` of its own, which `python -m` would find first."""
    package = module.partition(".")[0]
    spec = find_spec(package)
    if spec is None or spec.origin is None or Path(spec.origin).parents[1] != ROOT:
        sys.modules.pop(package, None)
        sys.path.insert(0, str(ROOT))


def _exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trophy-mockserver", prog_name="mockserver")
def main() -> None:
    """A fake Trophy that behaves like the real one, for developing and testing without it."""
