"""Scenarios in which somebody goes away: the daemon by SIGKILL and SIGTERM, the peer by a reset."""

from __future__ import annotations

import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.lane import Lane, Outcome

# A start costs a second of processor time and each further process as much again, so two processes get a smaller part.
_PARTS = ((1, 0.47), (1, 0.47), (2, 0.06))


def killed(folder: Path, times: int) -> Outcome:
    """SIGKILL at random instants under load; the next start goes on with what is there."""
    outcome = Outcome("SIGKILL under load", times)
    lanes = [
        Lane(folder / str(number), Outcome(outcome.name), {"SMTP__PROCESSES": str(processes)})
        for number, (processes, _) in enumerate(_PARTS)
    ]

    def run(lane: Lane, part: float) -> None:
        with lane.sending(sessions=5):
            for _ in range(math.ceil(times * part)):
                lane.start()
                time.sleep(random.random() * 0.5)
                lane.kill()
            lane.start()
            lane.wait_for_mail(time.monotonic())
            # Each segment that a killed process wrote to gets a writer again, who cleans it.
            time.sleep(2)
        lane.judge()

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(run, lanes, [part for _, part in _PARTS]))
    for lane in lanes:
        outcome.taken += lane.outcome.taken
        outcome.lost += lane.outcome.lost
        outcome.twice += lane.outcome.twice
        outcome.left_behind += lane.outcome.left_behind
        outcome.troubles += lane.outcome.troubles
    return outcome


def told_to_stop(folder: Path, times: int) -> Outcome:
    """SIGTERM under load: mails that are being sent come to their end, nobody hears a 5xx."""
    outcome = Outcome("SIGTERM under load", times)
    lane = Lane(folder, outcome, {"SMTP__PROCESSES": "2"})
    with lane.sending(sessions=16):
        for _ in range(times):
            lane.start()
            lane.wait_for_mail(time.monotonic())
            time.sleep(random.random() * 0.3)
            lane.stop()
        lane.start()
        lane.wait_for_mail(time.monotonic())
    lane.judge()
    return outcome


def reset_by_peers(folder: Path, times: int) -> Outcome:
    """The peer vanishes after the dot, before or while we answer, and sends the mail again."""
    outcome = Outcome("peers reset after the dot")
    lane = Lane(folder, outcome)
    lane.start()
    # Of a thousand 800 are cut by chance; of so many, fewer than asked for would be a wonder.
    with lane.sending(sessions=16, mails=int(times * 1.5), resets=800):
        pass
    outcome.times = lane.list().cut
    outcome.must(outcome.times >= times, f"only {outcome.times} resets")
    lane.judge()
    return outcome
