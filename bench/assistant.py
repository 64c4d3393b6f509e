"""What the assistant costs its people in time.

    python bench/assistant.py [--part open] [--part retrieval] [--part search] [--part send] [--part streams]
                              [--quick] [--messages N] [--streams N]

``open``: a conversation of 5,000 messages and one of 10 in Chromium: opened cold and from within the app, scrolled with
the wheel, typed in while a reply is written. It needs Chromium, Node and the web app's packages and build.

``search``: the search over the whole history, among a million messages of a thousand people of whom one has two
hundred thousand, on SQLite and on PostgreSQL (where ``CAUSETTE_TEST_POSTGRES_URL`` says), against looking through
one's own messages with LIKE.

``send``: what saying something costs in a conversation of 5,000 messages and in one of 10: statements, bytes written to
the database's log, time.

See docs/benchmarks.md.

``retrieval``: whether passages of this project's documents that answer a question (``bench/data/retrieval.toml``) are
among the first five found, by their words, by their meaning and by both, and how long that takes among many.

``streams``: five hundred replies of twenty tokens a second each, written by one web process on SQLite and read by as
many people: what of the processor and of memory it takes, and how old a token is when its reader has it.

``--quick`` ends within 45 seconds: with 8,000 messages and 50 streams, unless ``--messages`` and ``--streams`` say
otherwise.
"""

import argparse
import asyncio
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

import causette
from causette.db import Database
from causette.engines.embedded.encoder import SentenceEncoder
from causette.models import Catalogue, Models
from harness import (
    assistant_open,
    assistant_retrieval,
    assistant_search,
    assistant_send,
    assistant_streams,
    machine,
    report,
)
from harness.assistant_search import Size
from harness.assistant_send import Cost
from harness.report import Goal, Metric

POSTGRES: Final = "CAUSETTE_TEST_POSTGRES_URL"
WHOLE: Final = Size(1_000_000, 1_000)
QUICK: Final = Size(8_000, 80)
STREAMS: Final = 500
QUICK_STREAMS: Final = 50
SEARCHES: Final = 700
SCANS: Final = 28
GOAL_MS: Final = 50.0
#: Messages of a long conversation, and of the one that it is compared with.
LONG: Final = 5_000
SHORT: Final = 10
PAINT_MS: Final = 300.0
FRAMES_A_SECOND: Final = 58.0
TYPING_MS: Final = 16.0
#: A long conversation may cost as much more as B-trees are deeper, and measurements scatter.
SAME: Final = 1.25
GOAL_RECALL: Final = 0.9
ENCODER: Final = "all-minilm-l6-v2"


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark found."""

    metrics: Sequence[Metric]
    notes: Sequence[str]
    workload: dict[str, object]


async def streams(options: argparse.Namespace) -> Part:
    """Many replies at once through one process."""
    count: int = options.streams or (QUICK_STREAMS if options.quick else STREAMS)
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
        found = await assistant_streams.measure(Path(folder) / "data", count, 8 if options.quick else 20)
    delays = [1e3 * delay for delay in found.delays]
    metrics = [
        Metric("streams_cores", "cores", [found.cores]),
        Metric("streams_cpu_a_token", "µs", [1e6 * found.cpu_seconds / len(delays)]),
        Metric("streams_memory", "MB", [found.memory.pss]),
        Metric("streams_delivered", "tokens/s", [found.tokens_a_second], [found.asked_a_second], "written"),
        Metric("streams_events", "events/s", [found.events / found.seconds]),
        *(Metric(f"streams_delay_p{percent}", "ms", [_percentile(delays, percent)]) for percent in (50, 99)),
    ]
    notes = [f"streams: {count} replies at once for {found.seconds:.0f} s, on SQLite, in one web process"]
    return Part(metrics, notes, {"streams": count, "seconds": found.seconds})


async def search(options: argparse.Namespace) -> Part:
    """Searches on each database there is."""
    quick, count = options.quick, options.messages
    size = QUICK if quick else WHOLE
    size = Size(count, max(2, count // 1_000)) if count else size
    metrics: list[Metric] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
        async with assistant_search.sqlite(Path(folder)) as database:
            await _search_on(database, size, quick, metrics, notes)
        file = Path(folder) / "search.sqlite3"
        notes.append(f"sqlite: {file.stat().st_size / 1e6:,.0f} MB with everything in it")
    if url := os.environ.get(POSTGRES):
        async with assistant_search.postgresql(url) as database:
            await _search_on(database, size, quick, metrics, notes)
    else:
        notes.append(f"{POSTGRES} is not set, so nothing is measured on PostgreSQL")
    return Part(
        metrics,
        notes,
        {
            "messages": size.messages,
            "people": size.people,
            "heaviest": int(size.messages * assistant_search.HEAVY),
        },
    )


async def _search_on(
    database: Database, size: Size, quick: bool, metrics: list[Metric], notes: list[str]
) -> None:
    name = database.dialect
    people = await assistant_search.fill(database, size)
    searches = assistant_search.mixed(people, SEARCHES // 5 if quick else SEARCHES)
    # What has been asked before is in memory; here nobody has asked for the same, but the indexes' roots are read.
    await assistant_search.ask(database, searches[:14])
    took = await assistant_search.ask(database, searches[14:])
    scans = await assistant_search.scan(database, searches[:SCANS])
    every = [value for values in took.values() for value in values]
    metrics.extend(
        Metric(
            f"{name}_search_p{percent}",
            "ms",
            [_percentile(every, percent)],
            peer=[_percentile(scans, percent)],
            against="LIKE",
            goal=Goal("ours", "<", GOAL_MS) if percent == 95 else None,
        )
        for percent in (50, 95)
    )
    metrics.extend(
        Metric(f"{name}_{kind}_p95", "ms", [_percentile(values, 95)]) for kind, values in took.items()
    )
    notes.append(f"{name}: {size.messages:,} messages of {size.people:,} people, {len(every)} searches")


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def retrieval(options: argparse.Namespace) -> Part:
    """Questions to this project's own documents."""
    models = Models(user_cache_path("causette-tests") / "models", Catalogue.load())
    await models.pull(ENCODER)
    encoder = SentenceEncoder.load(models.folder_of(ENCODER))
    pages, asked = assistant_retrieval.questions(quick=options.quick)
    library = assistant_retrieval.library(pages, encoder)
    assistant_retrieval.check_answers(library, asked)
    vectors = assistant_retrieval.encoded(encoder, [question.text for question in asked])
    metrics: list[Metric] = []
    for name, groups in (
        ("", {"en", "fr", "across"}),
        *((f"_{group}", {group}) for group in assistant_retrieval.GROUPS),
    ):
        chosen = [
            (question, vector)
            for question, vector in zip(asked, vectors, strict=True)
            if question.group in groups
        ]
        if not chosen:
            continue
        recall: dict[str, float] = {}
        for way in assistant_retrieval.WAYS:
            places = [assistant_retrieval.place_of_answer(library, *each, way) for each in chosen]
            recall[way] = sum(place > 0 for place in places) / len(places)
            if way == "hybrid" and not name:
                mean = sum(1 / place for place in places if place) / len(places)
                metrics.append(Metric("retrieval_hybrid_mrr_at_5", "", [mean]))
        best = max(recall["words"], recall["meaning"])
        goal = Goal("ours", "≥", GOAL_RECALL) if not name else None
        metrics.append(
            Metric(
                f"retrieval{name}_recall_at_5",
                "",
                [recall["hybrid"]],
                peer=[best],
                against="the better of the two",
                goal=goal,
            )
        )
        metrics.extend(
            Metric(f"retrieval{name}_{way}_recall_at_5", "", [recall[way]]) for way in ("words", "meaning")
        )
    for passages in (1_000, 10_000) if options.quick else (1_000, 10_000, 100_000):
        took = assistant_retrieval.many(passages, 40)
        metrics.append(Metric(f"retrieval_among_{passages}_p95", "ms", [_percentile(took, 95)]))
    total = sum(index.passages for index in library.indexes)
    notes = [
        f"retrieval: {len(asked)} questions to {total} passages; "
        f"encoding {library.windows} windows took {library.seconds:.1f} s"
    ]
    return Part(metrics, notes, {"questions": len(asked), "passages": total, "windows": library.windows})


async def opening(options: argparse.Namespace) -> Part:
    """A long conversation in a browser, against a short one."""
    rounds, wheel_seconds, keys = (1, 1.5, 40) if options.quick else (7, 10.0, 200)
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
        async with assistant_open.served(Path(folder), (LONG, SHORT)) as (url, cookie, (long, short)):
            found = await assistant_open.measured(
                url, cookie, long, short, rounds=rounds, wheel_seconds=wheel_seconds, keys=keys
            )
    frames, typing, held = found.scroll, found.typing, found.held
    plain, bare = found.bare, "a bare page"
    peer = f"{SHORT} messages"
    metrics = [
        Metric(
            f"open_{name}",
            "ms",
            times.long,
            peer=times.short,
            against=peer,
            goal=Goal("ours", "<", PAINT_MS),
        )
        for name, times in (("inside", found.inside), ("first_paint", found.first), ("cold", found.cold))
    ]
    metrics += [
        Metric(
            "scroll_frames",
            "1/s",
            [_frames_a_second(frames)],
            peer=[_frames_a_second(plain.scroll)],
            against=bare,
            goal=Goal("ours", "≥", FRAMES_A_SECOND),
        ),
        Metric(
            "scroll_frame_p95",
            "ms",
            [_percentile(frames.frames, 95)],
            peer=[_percentile(plain.scroll.frames, 95)],
            against=bare,
        ),
        Metric("scroll_busy_a_frame", "ms", [frames.busy_ms], peer=[plain.scroll.busy_ms], against=bare),
        Metric(
            "scroll_browser_a_frame",
            "ms",
            [frames.all_busy_ms],
            peer=[plain.scroll.all_busy_ms],
            against=bare,
        ),
        Metric(
            "typing_p95",
            "ms",
            [_percentile(typing.done, 95)],
            peer=[_percentile(plain.typing.done, 95)],
            against=bare,
            goal=Goal("ours", "<", TYPING_MS),
        ),
        Metric(
            "typing_to_frame_p95",
            "ms",
            [_percentile(typing.frame, 95)],
            peer=[_percentile(plain.typing.frame, 95)],
            against=bare,
        ),
        Metric("tab_opened", "MB", [held.opened.heap_mb]),
        Metric("tab_scrolled", "MB", [held.scrolled.heap_mb]),
    ]
    notes = [
        f"open: {LONG:,} messages against {SHORT}, {rounds} rounds; {frames.seen} messages scrolled by in "
        f"{wheel_seconds:g} s; {len(typing.done)} keys while {typing.tokens_a_second:.0f} words a second came; "
        f"{held.opened.nodes:,} nodes when opened, {held.scrolled.nodes:,} when scrolled"
    ]
    return Part(metrics, notes, {"messages": LONG, "peer": SHORT, "rounds": rounds})


def _frames_a_second(scroll: assistant_open.Scroll) -> float:
    return 1e3 * len(scroll.frames) / sum(scroll.frames)


async def send(options: argparse.Namespace) -> Part:
    """A message in a long conversation, against one in a short one."""
    rounds = 3 if options.quick else 15
    metrics: list[Metric] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as name:
        folder = Path(name)
        await _send_on(folder, f"sqlite:///{folder / assistant_send.FILE}", rounds, metrics)
        if url := os.environ.get(POSTGRES):
            async with assistant_search.schema(url) as inside:
                await _send_on(folder, inside, rounds, metrics)
        else:
            notes.append(f"{POSTGRES} is not set, so nothing is measured on PostgreSQL")
    return Part(metrics, notes, {"messages": LONG, "peer": SHORT, "rounds": rounds})


async def _send_on(folder: Path, url: str, rounds: int, metrics: list[Metric]) -> None:
    async with assistant_send.house_with(folder, url, (LONG, SHORT)) as sending:
        for length in (LONG, SHORT):
            await sending.send(length)
        long: list[Cost] = []
        short: list[Cost] = []
        for _ in range(rounds):
            short.append(await sending.send(SHORT))
            long.append(await sending.send(LONG))
        name = sending.house.database.dialect
    peer = f"{SHORT} messages"
    metrics += [
        Metric(
            f"{name}_send_statements",
            "",
            [cost.statements for cost in long],
            peer=[cost.statements for cost in short],
            against=peer,
            goal=Goal("ratio", "≤", 1.0),
        ),
        Metric(
            f"{name}_send_written",
            "kB",
            [cost.written / 1e3 for cost in long],
            peer=[cost.written / 1e3 for cost in short],
            against=peer,
            goal=Goal("ratio", "≤", SAME),
        ),
        Metric(
            f"{name}_send",
            "ms",
            [cost.ms for cost in long],
            peer=[cost.ms for cost in short],
            against=peer,
            goal=Goal("ratio", "≤", SAME),
        ),
    ]


PARTS: Final = {"retrieval": retrieval, "open": opening, "search": search, "send": send, "streams": streams}


def main() -> None:
    """Run and report; exit code 0 when it ran, whatever it found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--part", choices=sorted(PARTS), action="append", help="this part only; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds: less of everything")
    parser.add_argument("--messages", type=int, help="how many messages are searched")
    parser.add_argument("--streams", type=int, help="how many replies are written at once")
    options = parser.parse_args()
    bystanders = machine.Bystanders()
    parts = {name: asyncio.run(PARTS[name](options)) for name in options.part or sorted(PARTS)}
    facts = {
        "complete": True,
        "workload": {name: part.workload for name, part in parts.items()},
        "machine": machine.description() | {"used_by_others": round(bystanders.share(), 3)},
        "versions": {
            "causette": causette.__version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
    }
    metrics = [metric for part in parts.values() for metric in part.metrics]
    report.publish(
        "assistant", metrics, [note for part in parts.values() for note in part.notes], facts, sys.stdout
    )


if __name__ == "__main__":
    main()
