"""`mockserver verify BASE_URL --api-key KEY`: the suite as a command. Exit code 0 passed, 1 failed, 2 could not run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from contract_tests import cache
from contract_tests.options import OPTIONS, PARTS, Option, Options, part_of_file
from contract_tests.printable import printable

if TYPE_CHECKING:
    from contract_tests.suite import Suite

NEEDED = ("pytest", "hypothesis", "schemathesis", "jsonschema")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # of a package that is barred
        return False


def _option(option: Option) -> Callable[[Any], Any]:
    if option.kind is bool:
        return click.option(f"--{option.name}", is_flag=True, default=None, help=option.help)
    kind: Any = click.Choice(option.choices) if option.choices else option.kind
    if option.kind is Path:
        kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(f"--{option.name}", type=kind, envvar=option.env, help=option.help)


def _all_options(command: Any) -> Any:
    for option in reversed([row for row in OPTIONS if row.name != "base-url"]):
        command = _option(option)(command)
    return command


@click.command(help="Find out whether an implementation keeps the contract. Without BASE_URL: our own server.")
@click.argument("base_url", required=False)
@_all_options
@click.option("--junit-xml", type=click.Path(path_type=Path, dir_okay=False), help="write a JUnit XML report")
@click.option("--fail-fast", is_flag=True, help="stop at the first test that fails")
@click.option("--only", help="run only the tests whose names match this expression (as pytest's -k)")
@click.option(
    "--replay",
    type=click.Path(path_type=Path, exists=True),
    help="try the failures of a bundle again: which are still there?",
)
def verify(junit_xml: Path | None, fail_fast: bool, only: str | None, replay: Path | None, **given: Any) -> None:
    if missing := [name for name in NEEDED if not _is_there(name)]:
        click.echo(f"Error: {missing[0]} is needed here: pip install 'trophy-mockserver[contract]'.", err=True)
        sys.exit(2)
    options = Options.of(given)
    if replay:
        sys.exit(replayed(options, replay))
    words = ["--junit-xml", str(junit_xml)] if junit_xml else []
    words += ["--maxfail=1"] if fail_fast else []
    words += ["-k", only] if only else []
    sys.exit(run(options, words))


def run(options: Options, arguments: list[str]) -> int:
    """Run the suite with pytest, whose own output is off: the suite writes its own report. Returns the exit code."""
    from contract_tests.report import terminal
    from contract_tests.report.outputs import check_one
    from contract_tests.suite import Suite
    from contract_tests.target import CannotRun

    try:
        if "--junit-xml" in arguments:
            check_one("--junit-xml", Path(arguments[arguments.index("--junit-xml") + 1]))
        suite = Suite(options)
        code = _run(suite, arguments)
    except CannotRun as error:
        click.echo(str(error), err=True)
        return 2
    except OSError as error:
        if "--junit-xml" not in arguments:  # otherwise pytest could not write its report
            raise
        click.echo(f"{error.filename or '--junit-xml'} cannot be written: {error.strerror}.", err=True)
        return 2
    if suite.parts_run:
        click.echo(terminal.summary(suite))
    if suite.unwritten:
        click.echo(suite.unwritten, err=True)
        return 2
    if suite.nothing_to_run:
        click.echo(f"No test is left to run{_narrowed(options, arguments)}.", err=True)
    return code


def _run(suite: Suite, arguments: list[str]) -> int:
    """Runs the tests and shows progress. Reports are written even after an interrupt. Raises `CannotRun`."""
    import pytest
    from hypothesis.configuration import set_hypothesis_home_dir

    from contract_tests.progress import Progress, ending_is_an_interrupt
    from contract_tests.ready import prepare, to_configure

    here = Path(__file__).parent
    parts = suite.options.parts
    files = [str(path) for path in sorted(here.glob("test_*.py")) if part_of_file(path.name) in parts]
    # The suite writes its own report. Plugins of the caller's environment are not loaded, only the one that collects
    # generated requests.
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider"]
    quiet += ["--disable-plugin-autoload", "-p", "schemathesis.pytest.plugin"]
    apart = ["-c", str(here / "pytest.ini"), "--rootdir", str(here), "--confcutdir", str(here)]
    try:
        if suite.options.base_url is None and {"operations", "stateful"} & set(parts):  # while our server starts
            Thread(target=import_module, args=("contract_tests.generated",), daemon=True).start()
        prepare(suite)
        if todo := to_configure(suite):
            click.echo(todo)
        with hypothesis_home() as folder, ending_is_an_interrupt():
            set_hypothesis_home_dir(folder)  # otherwise it leaves a folder in the working directory
            code = pytest.main([*files, *apart, *quiet, *arguments], plugins=[suite, Progress(suite)])
    finally:
        suite.close()
    return int(code) if code in (0, 1) and not suite.stopped else 2


@contextmanager
def hypothesis_home() -> Iterator[Path]:
    """A folder where hypothesis caches what takes it a second to compute, such as the table of characters: one folder
    for all runs of a user, or one for this run where nothing can be kept."""
    kept = cache.directory("hypothesis")
    try:
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
    except OSError:
        kept = None
    if kept is not None and os.access(kept, os.W_OK):
        yield kept
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)


def _narrowed(options: Options, arguments: list[str]) -> str:
    """The options that select tests, for a message."""
    words = [f"--only {arguments[arguments.index('-k') + 1]}"] if "-k" in arguments else []
    words += [f"--operations {','.join(options.operations)}"] if options.operations else []
    words += ["--read-only"] if options.read_only else []
    return f" with {', '.join(words)}" if words else ""


def replayed(options: Options, path: Path) -> int:
    """Run the tests again that found the failures of a bundle. Returns 0 if all are gone, 1 if one is still there."""
    from dataclasses import replace

    from contract_tests.report import bundle, terminal
    from contract_tests.suite import Suite
    from contract_tests.target import CannotRun

    try:
        failures, found_with = bundle.read(path)
        parts = tuple(dict.fromkeys(row.part for row in failures if row.part in PARTS))
        suite = Suite(replace(options, **found_with, parts=parts))
        suite.only = {row.test for row in failures}
        code = _run(suite, []) if parts else 0
    except CannotRun as error:
        click.echo(str(error), err=True)
        return 2
    still = {finding.key: finding for finding in suite.findings}
    for row in failures:
        if row.key in still:
            click.echo(f"still so  {printable(row.rule)}")
            click.echo(terminal.describe(still[row.key], suite).partition("\n")[2] + "\n")
        elif row.test in suite.skipped or row.test not in suite.ran:
            why = suite.skipped.get(row.test, "the suite has no such test any more")
            click.echo(f"unknown   {printable(row.rule)}\n          {printable(why)}")
        else:
            click.echo(f"gone      {printable(row.rule)}")
    if code == 2 and not suite.nothing_to_run:
        return 2
    return int(any(row.key in still for row in failures))


if __name__ == "__main__":
    verify()
