// Plain columns: what comes twice, late, or from another server's writer.
import assert from "node:assert/strict";
import test from "node:test";

import { Operation, Payload, type Change, type PullResponse } from "../generated/converge.ts";
import { Columns, readLogVersion } from "../src/columns.ts";

function change(replica: bigint, seq: bigint, hlc: bigint, columns: Record<string, string>): Change {
  const payload = Payload.encode({
    operation: Operation.OPERATION_UPDATE,
    fields: [],
    columns: Object.entries(columns).map(([column, value]) => ({ column, value })),
  }).finish();
  return { replica, seq, hlc, payload, principal: "", isNew: false };
}

function pull(epoch: bigint, logVersion: number[], columns?: Record<string, string>): PullResponse {
  const state = columns && {
    fields: [],
    logVersion: new Uint8Array(logVersion),
    columns: Object.entries(columns).map(([column, value]) => ({ column, value })),
  };
  return { fields: [], state, changes: [], yjs: undefined, logVersion: new Uint8Array(logVersion), epoch, incarnation: 1n };
}

test("a log version is read", () => {
  assert.deepEqual([...readLogVersion(new Uint8Array([0x91, 2, 3, 0x83, 1, 1]))], [[2n, 3n], [133n, 1n]]);
  assert.deepEqual([...readLogVersion(new Uint8Array())], []);
});

test("values come with the state and with changes, and are what JSON says", () => {
  const columns = new Columns();
  assert.equal(columns.onPull(pull(1n, [0x91, 7, 2], { title: '"a"', due: "null" })), true);
  assert.equal(columns.onChange(change(7n, 3n, 50n, { title: '{"x": [1]}' })), true);
  assert.equal(columns.onChange(change(8n, 1n, 60n, {})), false);
  assert.deepEqual(Object.fromEntries(columns.values), { title: { x: [1] }, due: null });
});

test("what the state holds already changes nothing when it comes again", () => {
  const columns = new Columns();
  columns.onPull(pull(1n, [0x91, 7, 2], { title: '"new"' }));
  assert.equal(columns.onChange(change(7n, 1n, 10n, { title: '"old"' })), false);
  assert.equal(columns.onChange(change(7n, 3n, 30n, { title: '"newer"' })), true);
  assert.equal(columns.onChange(change(7n, 3n, 30n, { title: '"newer"' })), false);
  assert.equal(columns.values.get("title"), "newer");
});

test("of two writers of the server's the later one counts, of one its last change", () => {
  const columns = new Columns();
  columns.onChange(change(9n, 1n, 90n, { title: '"after the restore"' }));
  columns.onChange(change(7n, 1n, 80n, { title: '"before it"' }));
  assert.equal(columns.values.get("title"), "after the restore");
  columns.onChange(change(9n, 2n, 85n, { title: '"its clock went back"' }));
  assert.equal(columns.values.get("title"), "its clock went back");
});

test("a restored server may have forgotten what it said", () => {
  const columns = new Columns();
  columns.onPull(pull(1n, []));
  columns.onChange(change(7n, 5n, 90n, { title: '"forgotten"' }));
  assert.equal(columns.onPull(pull(2n, [])), true);
  columns.onChange(change(7n, 4n, 80n, { title: '"known"' }));
  assert.equal(columns.values.get("title"), "known");
});

test("what was saved is known after a load, and comes no second time", () => {
  const before = new Columns();
  before.onPull(pull(1n, [0x91, 7, 2], { title: '"new"', due: "null" }));
  before.onChange(change(7n, 3n, 30n, { title: '"newer"' }));
  const columns = new Columns();
  columns.load(before.save());
  assert.deepEqual([...columns.values], [...before.values]);
  assert.equal(columns.onPull(pull(1n, [0x91, 7, 3])), false);
  assert.equal(columns.onChange(change(7n, 3n, 30n, { title: '"newer"' })), false);
  assert.equal(columns.onChange(change(7n, 4n, 40n, { due: "1" })), true);
});
