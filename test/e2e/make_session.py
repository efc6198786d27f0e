#!/usr/bin/python3
"""Makes session.json.gz: a writing session of the project's own, for where the
recorded ones are absent. A writer types this text a character at a time, mistypes
and corrects, goes back to insert and to take out words, and moves a sentence.
The same file at every run.

    test/e2e/make_session.py test/e2e/session.json.gz
"""
import gzip
import json
import random
import sys

from traces import play

SENTENCES = [
    "A document is a row, and a row is a document.",
    "Two people type into it at the same time, one of them on a train.",
    "The train enters a tunnel; the typing goes on.",
    "Nobody waits for anybody, and nothing that was written is lost.",
    "When the line is back, each side hands over what the other lacks.",
    "Both then read the same text, to the last comma.",
    "A third reader, who came late, sees what they see.",
    "Meanwhile a script corrects a word in SQL, because it is only a column.",
    "Ümläute, naïve façades and 東京 count as characters like any others.",
    "What was acknowledged is on disk, and stays there when the power goes.",
]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.text = []
        self.edits = []

    def splice(self, at, deleted, inserted):
        self.text[at:at + deleted] = inserted
        self.edits.append([at, deleted, inserted])

    def type(self, at, words):
        """Types at a place, a slip now and then; gives the place after it."""
        for character in words:
            if self.random.random() < 0.04:
                self.splice(at, 0, self.random.choice(ALPHABET))
                self.splice(at, 1, "")
            self.splice(at, 0, character)
            at += 1
        return at

    def word_at(self, near):
        """A word of the text: where it begins and how long it is."""
        start = near
        while start > 0 and self.text[start - 1] not in " \n":
            start -= 1
        end = near
        while end < len(self.text) and self.text[end] not in " \n":
            end += 1
        return start, end - start

    def revise(self):
        start, length = self.word_at(self.random.randrange(len(self.text)))
        kind = self.random.randrange(3)
        if kind == 0:  # a word again, in other words
            word = "".join(self.text[start:start + length])
            self.splice(start, length, "")
            self.type(start, word[::-1])
        elif kind == 1:  # a word more
            self.type(start, self.random.choice(["really ", "often ", "quite ", "perhaps "]))
        else:  # cut, and pasted elsewhere
            piece = "".join(self.text[start:start + length])
            self.splice(start, length, "")
            self.splice(self.random.randrange(len(self.text) + 1), 0, piece)


def main():
    writer = Writer(seed=1)
    for paragraph in range(6):
        for sentence in SENTENCES:
            writer.type(len(writer.text), sentence + " ")
            if writer.random.random() < 0.5:
                writer.revise()
        writer.type(len(writer.text), "\n\n")
    text = "".join(writer.text)
    assert play(writer.edits) == text
    content = {"startContent": "", "endContent": text,
               "txns": [{"patches": [edit]} for edit in writer.edits]}
    with open(sys.argv[1], "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0,
                                                        filename="") as packed:
        packed.write(json.dumps(content, separators=(",", ":")).encode())
    print(f"{len(writer.edits)} edits, {len(text)} characters")


if __name__ == "__main__":
    main()
