import assert from "node:assert/strict";
import { test } from "node:test";
import { moveCaret, spliceBetween } from "../src/splice.ts";

function made(before: string, after: string, end?: number): string {
  const splice = spliceBetween(before, after, end);
  if (splice === undefined) return before;
  return before.slice(0, splice.at) + splice.inserted + before.slice(splice.at + splice.removed);
}

test("a splice makes the one text into the other and is the smallest", () => {
  assert.equal(spliceBetween("same", "same"), undefined);
  assert.deepEqual(spliceBetween("abc", "abXc"), { at: 2, removed: 0, inserted: "X" });
  assert.deepEqual(spliceBetween("abXc", "abc"), { at: 2, removed: 1, inserted: "" });
  assert.deepEqual(spliceBetween("", "new"), { at: 0, removed: 0, inserted: "new" });
});

test("the caret tells which of several places was meant", () => {
  assert.deepEqual(spliceBetween("aaa", "aaaa", 1), { at: 0, removed: 0, inserted: "a" });
  assert.deepEqual(spliceBetween("aaa", "aaaa", 2), { at: 1, removed: 0, inserted: "a" });
  assert.deepEqual(spliceBetween("aaa", "aaaa", 4), { at: 3, removed: 0, inserted: "a" });
});

test("surrogate pairs stay whole", () => {
  assert.deepEqual(spliceBetween("x😀y", "x😁y"), { at: 1, removed: 2, inserted: "😁" });
  assert.deepEqual(spliceBetween("😀", "😀😀", 2), { at: 0, removed: 0, inserted: "😀" });
  assert.deepEqual(spliceBetween("a\u{1f600}", "a\u{20600}"), { at: 1, removed: 2, inserted: "\u{20600}" });
});

test("any two texts, any caret", () => {
  const letters = ["a", "b", "😀", "😁", "\n"];
  let state = 1;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const text = () => Array.from({ length: random(7) }, () => letters[random(letters.length)]).join("");
  for (let round = 0; round < 20_000; round++) {
    const before = text();
    const after = text();
    assert.equal(made(before, after, random(2) ? random(after.length + 1) : undefined), after);
  }
});

test("a caret stays beside the text it stood beside", () => {
  const text = "one two three";
  const at = text.indexOf("two");
  assert.equal(moveCaret(at, { at: 0, removed: 0, inserted: "zero " }), at + 5);
  assert.equal(moveCaret(at, { at: 8, removed: 5, inserted: "" }), at);
  assert.equal(moveCaret(at + 1, { at, removed: 3, inserted: "2" }), at);
  assert.equal(moveCaret(at + 3, { at, removed: 3, inserted: "2" }), at + 1);
  assert.equal(moveCaret(at, { at, removed: 0, inserted: "x" }), at);
});
