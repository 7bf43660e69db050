"""`python -m benchmarks compare | console | waits | growth | kept | farm | soak | …`: what the Makefile calls."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Measures the server on this machine. Load goes to 127.0.0.1 only."""


@main.command()
@click.option("--seconds", default=3.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs per figure.")
def compare(seconds: float, rounds: int) -> None:
    """Beside bare Starlette and Prism: requests per second, memory, starts; and the engine alone."""
    from benchmarks.compare import bench

    bench(seconds, rounds)


@main.command()
@click.option("--seconds", default=3.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs per figure.")
def console(seconds: float, rounds: int) -> None:
    """What the lines on the console cost."""
    from benchmarks.console import show_console

    show_console(seconds, rounds)


@main.command()
def event() -> None:
    """What an event with full rules spends its time on, part by part; a minute."""
    from benchmarks.shares import show_shares

    show_shares()


@main.command()
@click.option("--seconds", default=3.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs per figure.")
def waits(seconds: float, rounds: int) -> None:
    """What users wait for: webhooks, resets, worlds, snapshots, a server in a test."""
    from benchmarks.waits import bench

    bench(seconds, rounds)


@main.command()
@click.option("--seconds", default=3.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs per figure.")
@click.option("--largest", default=1_000_000, show_default=True, type=click.IntRange(100), help="Users, at most.")
def growth(seconds: float, rounds: int, largest: int) -> None:
    """Ever larger worlds, boards and users: what a call costs and what they weigh."""
    from benchmarks.growth import growth

    growth(seconds, rounds, largest)


@main.command()
@click.option("--seconds", default=3.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs per figure.")
@click.option("--events", default=100_000, show_default=True, type=click.IntRange(1), help="Of the world that starts.")
@click.option("--memory", is_flag=True, help="Only what an event costs where nothing is kept.")
def kept(seconds: float, rounds: int, events: int, memory: bool) -> None:
    """What --keep costs: an event and the next start; and an event without --keep."""
    from benchmarks.kept import bench

    bench(seconds, rounds, None if memory else events)


@main.command()
@click.option("--worlds", default=200, show_default=True, type=click.IntRange(20), help="How many worlds.")
@click.option("--seconds", default=4.0, show_default=True, help="Length of one run, and around each kill.")
@click.option("--kills", default=6, show_default=True, type=click.IntRange(1), help="How often a process is killed.")
@click.option("--latency", is_flag=True, help="Only what an event takes, alone and in the farm.")
def farm(worlds: int, seconds: float, kills: int, latency: bool) -> None:
    """Servers that share worlds: latency, throughput, and what is lost when each process is killed in turn."""
    from benchmarks.farm import farm, show_latency

    show_latency(seconds)
    if not latency:
        farm(worlds, seconds, kills)


@main.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long.")
def soak(minutes: float) -> None:
    """Mixed operations at full speed over 200 connections that sometimes hang up; then the totals are checked."""
    from benchmarks.soak import soak

    soak(minutes)


@main.command()
@click.option("--seconds", default=5.0, show_default=True, help="Length of one run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs per figure.")
def connections(seconds: float, rounds: int) -> None:
    """How connections are accepted: our own listener beside uvloop's, in requests per second and waiting times."""
    from benchmarks.connections import connections

    connections(seconds, rounds)


@main.command()
@click.option("--users", default=50, show_default=True, type=click.IntRange(1), help="How many users there are.")
@click.option("--seed", default=1, show_default=True, help="The seed of the world.")
def realism(users: int, seed: int) -> None:
    """How seeded users behave, for every catalog that comes with the server; draws docs/realism.svg."""
    from benchmarks.realism import realism

    realism(users, seed)


main()
