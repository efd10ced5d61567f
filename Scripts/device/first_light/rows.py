"""A part of the first light: rows that are run one after another, a table for people and a JSON file for machines."""

import datetime
import json
import os
import signal
import subprocess
import tempfile
import time


class Failed(Exception):
    """What was checked does not hold; the text says what was expected and what came."""


class NeedsCard(Exception):
    """Means nothing without a GPU, or without as many as the text says."""


class NotRun(Exception):
    """Could not be tried: something that the text names was not there."""


class Completed:
    """How a command ended: `code` is negative for a signal, as in `subprocess`."""

    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def last_line(self):
        lines = [line for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("error:", "[rank")) or "Error" in line]
        return (errors or lines or ["it said nothing"])[-1].strip()


class Part:
    """Runs rows within a limit of seconds, whatever becomes of any of them.

    A row is a function that returns text for the table, or text and a dictionary of figures for the JSON file; one that
    raises has failed, and the next one runs. Its commands are ended when its time is over, or the part's.
    """

    def __init__(self, letter, title, seconds, folder, only=None, patience=1):
        """`patience` times all seconds are granted: more than one where figures do not count."""
        self.letter, self.title, self.only, self.patience = letter, title, only, patience
        self.rows, self.commands, self.facts = [], [], {}
        self.end = time.monotonic() + patience * seconds
        self.row_end = self.end
        self.folder = folder
        self.log = open(folder / f"first-light-{letter}.log", "w", encoding="utf-8")

    # MARK: rows

    def row(self, name, seconds, function, aim=None, shows=True):
        """Runs a row of at most `seconds`; `aim` is text that stands beside what came. One of `shows` False stands in the
        table only where it failed.

        Returns what the function did, None where it raised.
        """
        if self.only and not self.only.search(name):
            return None
        start = time.monotonic()
        self.row_end = min(self.end, start + self.patience * seconds)
        figures = {}
        self.write(f"\n=== {name}\n")
        result = None
        if self.end - start < min(seconds, 15):
            verdict, text = "not run", "the part's time is over: run it again with --rows"
        else:
            verdict, text, figures, result = self.outcome(function)
        took = time.monotonic() - start
        row = {"name": name, "verdict": verdict, "text": text, "seconds": round(took, 1)}
        if aim:
            row["aim"] = aim
        if figures:
            row["figures"] = figures
        self.rows.append(row)
        self.write(f"--- {verdict}: {text} ({took:.1f} s)\n")
        if shows or verdict == "FAILED":
            print(self.line(row), flush=True)
        return result

    def outcome(self, function):
        try:
            result = function()
            text, figures = result if isinstance(result, tuple) else (result, {})
            return "ok", text, figures, result
        except Failed as failure:
            return "FAILED", str(failure), {}, None
        except NeedsCard as lack:
            return "needs a card", str(lack), {}, None
        except NotRun as reason:
            return "not run", str(reason), {}, None
        except subprocess.TimeoutExpired as expired:
            return "FAILED", f"did not end within {expired.timeout:.0f} s: {self.shortened(expired.cmd)}", {}, None
        except Exception as error:  # A mistake of the script must not hide the rows that come after it.
            self.write(f"{type(error).__name__}: {error}\n")
            return "FAILED", f"{type(error).__name__}: {error}", {}, None

    @staticmethod
    def line(row):
        """Of the table; the whole text stands in the JSON file."""
        verdict = "" if row["verdict"] == "ok" else row["verdict"] + (": " if row["text"] else "")
        text = verdict + row["text"]
        was_tried = row["verdict"] in ("ok", "FAILED")
        aim = f" (aim: {row['aim']})" if row.get("aim") and was_tried else ""
        return f"{row['name']:40} {text if len(text) <= 130 else text[:129] + '…'}{aim}"

    # MARK: commands

    def run(self, command, env=None, seconds=None, checks=True):
        """Runs a command to its end, or until the row's time is over.

        Raises Failed where it does not end with 0, unless `checks` is False.
        """
        with self.start(command, env) as process:
            return self.finish(process, seconds, checks)

    def start(self, command, env=None):
        """Starts a command in a process group of its own; `finish` waits for it.

        What it says goes into files: a pipe that nobody reads meanwhile would hold up one that says much.
        """
        command = [str(word) for word in command]
        self.write(f"$ {' '.join(command)}\n")
        self.commands.append(" ".join(command))
        said = [tempfile.TemporaryFile("w+", errors="replace") for _ in range(2)]
        process = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=said[0], stderr=said[1],
            start_new_session=True)
        process.began, process.said = time.monotonic(), said
        return process

    def finish(self, process, seconds=None, checks=True):
        left = max(1.0, self.row_end - time.monotonic())
        try:
            process.wait(timeout=min(left, seconds or left))
        except subprocess.TimeoutExpired:
            end_group(process)
            process.wait()
            raise
        finally:
            stdout, stderr = (contents(file) for file in process.said)
            self.write_output(stdout, stderr)
        done = Completed(process.returncode, stdout, stderr, time.monotonic() - process.began)
        if checks and done.code != 0:
            ending = f"signal {-done.code}" if done.code < 0 else f"exit code {done.code}"
            raise Failed(f"{ending}: {done.last_line()}")
        return done

    def write_output(self, stdout, stderr):
        for text in (stdout, stderr):
            if text:
                self.write(text[-4000:] + ("" if text.endswith("\n") else "\n"))

    def write(self, text):
        self.log.write(text)
        self.log.flush()

    @staticmethod
    def shortened(command):
        words = command if isinstance(command, list) else [str(command)]
        return " ".join(words[:3])

    # MARK: results

    def close(self, facts):
        """Writes the JSON file; returns whether nothing failed."""
        failed = [row["name"] for row in self.rows if row["verdict"] == "FAILED"]
        result = {
            "part": self.letter, "title": self.title,
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            **facts, **self.facts, "failed": failed, "rows": self.rows, "commands": self.commands,
        }
        path = self.folder / f"first-light-{self.letter}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        counts = {}
        for row in self.rows:
            counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
        print(f"part {self.letter}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f"; {path}")
        self.log.close()
        return not failed


def contents(file):
    """All of a file, which is closed and gone then."""
    with file:
        file.seek(0)
        return file.read()


def end_group(process):
    """Ends a command that `Part.start` began, with everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
