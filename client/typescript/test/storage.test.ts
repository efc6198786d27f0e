import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { Code } from "../generated/converge.ts";
import { Client, CoreModule, type Document } from "../src/index.ts";
import { Loopback } from "./loopback.ts";
import { MemoryStorage } from "./memory_storage.ts";

const wasm = await WebAssembly.compile(await readFile(process.env["CONVERGE_WASM"]!));

async function server(): Promise<Loopback> {
  return new Loopback(await CoreModule.load(wasm));
}

function connect(context: TestContext, loopback: Loopback, storage?: MemoryStorage, token = "alice"): Client {
  const client = new Client({ url: "ws://loopback/sync", token, core: wasm, WebSocket: loopback.WebSocket, ...(storage && { storage }) });
  context.after(() => client.close());
  return client;
}

async function until(is: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !is(); ) {
    if (Date.now() > end) assert.fail(`not within 60 s: ${is}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const body = (document: Document) => document.text("body").value;

/** What somebody without a storage reads. */
async function read(context: TestContext, loopback: Loopback): Promise<string> {
  return body(await connect(context, loopback, undefined, "reader").open("note", "welcome"));
}

test("edits made offline are sent by the next client, once", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const first = connect(context, loopback, storage);
  const document = await first.open("note", "welcome");
  document.text("body").insert(0, "known ");
  await document.acknowledged();
  first.disconnect();
  document.text("body").insert(6, "offline");
  await document.kept();
  storage.crash();
  assert.equal(await read(context, loopback), "known ");

  loopback.up = false;
  const again = await connect(context, loopback, storage).open("note", "welcome"); // without the server
  assert.equal(body(again), "known offline");
  assert.equal(again.state, "detached");
  assert.equal(again.pending, 1);
  again.text("body").insert(13, "!");
  loopback.up = true;
  await again.acknowledged();
  assert.equal(await read(context, loopback), "known offline!");
  assert.equal(new Set(loopback.log.map(({ replica }) => replica)).size, 2); // never under the old one again
});

test("what was sent before the crash is not there twice", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const document = await connect(context, loopback, storage).open("note", "welcome");
  loopback.mute = true;
  document.text("body").insert(0, "sent");
  await document.kept();
  await until(() => loopback.log.length === 1);
  storage.crash();
  loopback.cut();
  loopback.mute = false;
  const again = await connect(context, loopback, storage).open("note", "welcome");
  await again.acknowledged();
  assert.equal(body(again), "sent");
  assert.equal(loopback.log.length, 1);
});

test("clients at the same time have places of their own, and the last one takes over what the others left", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const clients = [connect(context, loopback, storage), connect(context, loopback, storage), connect(context, loopback, storage)];
  const documents = await Promise.all(clients.map((client) => client.open("note", "welcome")));
  for (const client of clients) client.disconnect();
  for (const [i, document] of documents.entries()) document.text("body").insert(0, `<${i}>`);
  await Promise.all(documents.map((document) => document.kept()));
  assert.equal(storage.places.length, 3);
  storage.crash();

  const again = await connect(context, loopback, storage).open("note", "welcome");
  await until(() => storage.places.filter(({ bytes }) => bytes !== undefined).length === 1 && again.pending === 0);
  const text = await read(context, loopback);
  assert.deepEqual(text.match(/<\d>/g)?.sort(), ["<0>", "<1>", "<2>"]);
  assert.equal(text.length, 9);
  assert.equal(body(again), text);
});

test("edits that were made again after a refusal are sent when they are kept, not before", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const client = connect(context, loopback, storage);
  const document = await client.open("note", "welcome");
  await document.kept();
  client.disconnect();
  document.text("body").insert(0, "bad");
  document.text("body").insert(3, "good");
  await document.kept();
  let over!: () => void;
  storage.slow = new Promise((resolve) => (over = resolve));
  loopback.verdict = () => Code.CODE_MALFORMED;
  const refused = document.once("refused");
  client.connect();
  await refused;
  loopback.verdict = () => undefined;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(loopback.log.filter(({ payload }) => payload.length > 0).length, 0);
  over();
  await document.acknowledged();
  assert.equal(await read(context, loopback), "good");
});

test("a document that was closed is kept", async (context) => {
  const loopback = await server();
  const storage = new MemoryStorage();
  const client = connect(context, loopback, storage);
  const document = await client.open("note", "welcome");
  client.disconnect();
  document.text("body").insert(0, "kept");
  document.close();
  await until(() => storage.places.every(({ taken }) => !taken));
  client.connect();
  const again = await client.open("note", "welcome");
  await again.acknowledged();
  assert.equal(await read(context, loopback), "kept");
});

test("many edits make few saves", async (context) => {
  const storage = new MemoryStorage();
  const document = await connect(context, await server(), storage).open("note", "welcome");
  for (let i = 0; i < 500; i++) document.text("body").insert(0, "x");
  await document.kept();
  assert.ok(storage.writes < 50, `${storage.writes} saves`);
});

test("counters add up, registers keep what was assigned concurrently", async (context) => {
  const loopback = await server();
  const clients = [connect(context, loopback), connect(context, loopback, undefined, "bob")];
  const [a, b] = (await Promise.all(clients.map((client) => client.open("note", "welcome")))) as [Document, Document];
  a.counter("votes").increment();
  a.counter("votes").increment(2n ** 53n);
  b.counter("votes").increment(-3);
  a.counter("visits").increment(2);
  a.register("status").assign({ open: true });
  await until(() => b.counter("votes").value === 2n ** 53n - 2n && a.counter("votes").value === 2n ** 53n - 2n && b.register("status").values().length === 1);
  assert.equal(b.counter("visits").value, 2n);
  assert.deepEqual(b.register("status").value, { open: true });
  for (const client of clients) client.disconnect();
  a.register("status").assign("a");
  b.register("status").assign("b");
  for (const client of clients) client.connect();
  await until(() => a.register("status").values().length === 2 && b.register("status").values().length === 2);
  assert.deepEqual(a.register("status").values(), ["a", "b"]);
  b.register("status").assign(null);
  await until(() => a.register("status").value === null);
  assert.deepEqual(a.register("status").values(), [null]);

  b.set("flags").add("x"); // an lww_set
  await until(() => a.set("flags").has("x"));
  assert.throws(() => a.counter("visits").increment(-1), { code: "out_of_range" });
  assert.throws(() => a.counter("votes").increment(0.5), { code: "out_of_range" });
  assert.throws(() => a.counter("votes").increment(2n ** 63n), { code: "out_of_range" });
  assert.throws(() => a.counter("status"), { code: "wrong_type" });
  assert.throws(() => a.register("status").assign(undefined as never), { code: "invalid" });
  assert.equal(a.counter("visits").value, 2n);
});
