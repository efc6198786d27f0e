import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { Code } from "../generated/converge.ts";
import { Client, CoreModule, type Document } from "../src/index.ts";
import { Loopback } from "./loopback.ts";
import { MemoryStorage } from "./memory_storage.ts";

const wasm = await WebAssembly.compile(await readFile(process.env["CONVERGE_WASM"]!));
const fields = { body: "crdt_text", tags: "or_set" } as const;

async function server(): Promise<Loopback> {
  return new Loopback(await CoreModule.load(wasm));
}

function client(context: TestContext, loopback: Loopback, storage?: MemoryStorage): Client {
  const made = new Client({ url: "ws://loopback/sync", token: "alice", core: wasm, WebSocket: loopback.WebSocket, ...(storage && { storage }) });
  context.after(() => made.close());
  return made;
}

async function read(context: TestContext, loopback: Loopback): Promise<string> {
  return (await client(context, loopback).open("note", "welcome")).text("body").value;
}

const write = (text: string) => (document: Document) => document.text("body").insert(0, text);

test("a document made offline gets its key from the server, and its edits follow", async (context) => {
  const loopback = await server();
  const left = client(context, loopback);
  left.disconnect();
  const document = await left.create("note", fields, { edits: write("made") });
  const temporary = document.key;
  assert.match(temporary, /^[0-9a-f]{32}$/);
  assert.equal(document.state, "detached");
  document.text("body").insert(4, " offline");
  document.set("tags").add("new");
  assert.equal(document.pending, 3);
  const created = document.once("created");
  left.connect();
  assert.deepEqual(await created, { key: "welcome" });
  await document.acknowledged();
  assert.equal(document.key, "welcome");
  assert.equal(document.state, "live");
  assert.deepEqual(loopback.creations, [temporary]);
  assert.equal(await read(context, loopback), "made offline");
  assert.equal(await left.open("note", "welcome"), document);
  assert.equal(await left.open("note", temporary), document);
});

test("an answer that was lost is asked for again, and nothing is made twice", async (context) => {
  const loopback = await server();
  loopback.mute = true;
  const document = await client(context, loopback).create("note", fields, { edits: write("once") });
  while (loopback.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  loopback.mute = false;
  loopback.cut();
  await document.acknowledged();
  assert.equal(document.key, "welcome");
  assert.deepEqual(new Set(loopback.creations).size, 1);
  assert.equal(loopback.creations.length, 2);
  assert.equal(await read(context, loopback), "once");
});

test("a client that was gone before it could send is found by the temporary key", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const first = client(context, loopback, storage);
  first.disconnect();
  const document = await first.create("note", fields, { edits: write("kept") });
  await document.kept();
  const temporary = document.key;
  storage.crash();
  const again = await client(context, loopback, storage).open("note", temporary);
  again.text("body").insert(4, " well");
  await again.acknowledged();
  assert.equal(again.key, "welcome");
  assert.equal(await read(context, loopback), "kept well");
  // And still once the server has it.
  await again.kept();
  storage.crash();
  loopback.up = false;
  const third = await client(context, loopback, storage).open("note", temporary);
  assert.equal(third.key, "welcome");
  assert.equal(third.text("body").value, "kept well");
});

test("a client's own key is sent as it is", async (context) => {
  const loopback = await server();
  const left = client(context, loopback);
  left.disconnect();
  const document = await left.create("note", fields, { key: "welcome", edits: write("mine") });
  assert.equal(document.key, "welcome");
  await assert.rejects(left.create("note", fields, { key: "welcome" }), { code: "invalid" });
  left.connect();
  await document.acknowledged();
  assert.deepEqual(loopback.creations, [""]);
  assert.equal(await read(context, loopback), "mine");
});

test("a refused document takes its edits with it", async (context) => {
  const loopback = await server();
  loopback.verdict = () => Code.CODE_VIOLATES_CONSTRAINT;
  const left = client(context, loopback);
  left.disconnect();
  const document = await left.create("note", fields, { edits: write("much") });
  document.set("tags").add("too");
  const refused = document.once("refused");
  left.connect();
  const { error, fields: lost, reapplied } = await refused;
  assert.equal(error.code, "violates_constraint");
  assert.deepEqual(error.violation, { sqlstate: "23514", constraint: "at_most_three" });
  assert.deepEqual(lost.sort(), ["body", "tags"]);
  assert.equal(reapplied, 0);
  assert.equal(document.state, "refused");
  assert.equal(document.pending, 0);
  assert.equal(document.text("body").value, "");
});
