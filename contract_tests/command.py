"""`mockserver verify BASE_URL --api-key KEY`: the suite as a command. Exit code 0 kept, 1 broken, 2 could not run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from contract_tests.options import OPTIONS, Option, Options, part_of_file
from contract_tests.printable import printable

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
@click.option("--replay", type=click.Path(path_type=Path, exists=True), help="send the failures of a bundle again")
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
    """Run the suite with pytest, which keeps quiet: the suite reports for itself."""
    import pytest
    from hypothesis.configuration import set_hypothesis_home_dir

    from contract_tests.ready import prepare
    from contract_tests.report.outputs import check_one
    from contract_tests.suite import Suite
    from contract_tests.target import CannotRun

    suite = None
    try:
        suite = Suite(options)
        if "--junit-xml" in arguments:
            check_one("--junit-xml", Path(arguments[arguments.index("--junit-xml") + 1]))
        prepare(suite)
    except CannotRun as error:
        if suite is not None:
            suite.close()
        click.echo(str(error), err=True)
        return 2
    here = Path(__file__).parent
    files = [str(path) for path in sorted(here.glob("test_*.py")) if part_of_file(path.name) in options.parts]
    quiet = ["-q", "--no-header", "--tb=no", "--no-summary", "--show-capture=no", "-p", "no:cacheprovider"]
    # No plugins of the caller's environment, only the one that collects generated requests.
    quiet += ["--disable-plugin-autoload", "-p", "schemathesis.pytest.plugin"]
    apart = ["-c", str(here / "pytest.ini"), "--rootdir", str(here), "--confcutdir", str(here)]
    with TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)  # else it leaves a folder where the command was called
        try:
            code = pytest.main([*files, *apart, *quiet, *arguments], plugins=[suite])
        except OSError as error:
            if "--junit-xml" not in arguments:  # then it is not pytest's own report
                raise
            click.echo(f"{error.filename or '--junit-xml'} cannot be written: {error.strerror}.", err=True)
            return 2
        finally:
            suite.close()
    if suite.unwritten:
        return 2  # the summary has said so
    if suite.nothing_to_run:
        click.echo(f"No test is left to run{_narrowed(options, arguments)}.", err=True)
    return int(code) if code in (0, 1) else 2


def _narrowed(options: Options, arguments: list[str]) -> str:
    """By what the tests were narrowed down."""
    words = [f"--only {arguments[arguments.index('-k') + 1]}"] if "-k" in arguments else []
    words += [f"--operations {','.join(options.operations)}"] if options.operations else []
    words += ["--read-only"] if options.read_only else []
    return f" with {', '.join(words)}" if words else ""


def replayed(options: Options, path: Path) -> int:
    """Send a bundle's stories again: 0 if no failure shows itself as before, 1 if one does."""
    from contract_tests.control import Control
    from contract_tests.report.bundle import replay
    from contract_tests.target import CannotRun, connect

    try:
        target = connect(options, lambda exchange: None)
        try:
            control = Control(target.client, target.control) if target.control else None
            rows = replay(path, target.client, control)
        finally:
            target.client.wire.close()
            target.stop()
    except CannotRun as error:
        click.echo(str(error), err=True)
        return 2
    for row in rows:
        answer = printable(row.answer[:200])
        click.echo(f"{'still so' if row.same else 'differs '}  {printable(row.rule)}\n          {row.status} {answer}")
    return int(any(row.same for row in rows))


if __name__ == "__main__":
    verify()
