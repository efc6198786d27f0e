"""Recorded editing sessions: gzip JSON, {startContent, endContent,
txns: [{patches: [[position, deleted, inserted]]}]}, positions in characters."""
import gzip
import json


class Trace:
    def __init__(self, path, limit=None):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            content = json.load(file)
        assert content["startContent"] == ""
        self.edits = [tuple(patch) for change in content["txns"] for patch in change["patches"]]
        if limit is not None and limit < len(self.edits):
            self.edits = self.edits[:limit]
            self.end = play(self.edits)
        else:
            self.end = content["endContent"]

    def turns(self, length):
        for start in range(0, len(self.edits), length):
            yield self.edits[start:start + length]


def play(edits):
    """The text that `edits` make, by a list of characters."""
    text = []
    for at, deleted, inserted in edits:
        text[at:at + deleted] = inserted
    return "".join(text)
