// Presence: what the others at a document show, and that it is shown again and
// again as long as it shall last.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { Client, CoreModule, type Document, type Peer } from "../src/index.ts";
import { Loopback } from "./loopback.ts";

const wasm = await WebAssembly.compile(await readFile(process.env["CONVERGE_WASM"]!));

async function server(): Promise<Loopback> {
  return new Loopback(await CoreModule.load(wasm));
}

async function join(context: TestContext, loopback: Loopback, token: string): Promise<{ client: Client; document: Document }> {
  const client = new Client({ url: "ws://loopback/sync", token, core: wasm, WebSocket: loopback.WebSocket });
  context.after(() => client.close());
  return { client, document: await client.open("note", "welcome") };
}

const seen = ({ presence }: Document) => presence.peers.map(({ principal, field, state }) => [principal, field, state]).sort();

async function sees(document: Document, expected: unknown[][]): Promise<void> {
  for (const end = Date.now() + 60_000; JSON.stringify(seen(document)) !== JSON.stringify(expected); ) {
    if (Date.now() > end) assert.deepEqual(seen(document), expected);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until what clients have shown is so. */
async function shown(loopback: Loopback, is: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !is(); ) {
    if (Date.now() > end) assert.fail(`after 60 s: ${JSON.stringify(loopback.shown, (_, value) => (typeof value === "bigint" ? String(value) : value))}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("everybody sees what the others show, and not itself", async (context) => {
  const loopback = await server();
  const [a, b] = [await join(context, loopback, "alice"), await join(context, loopback, "bob")];
  const heard: (readonly Peer[])[] = [];
  b.document.presence.on("change", (peers) => heard.push(peers));
  a.document.presence.set({ cursor: 3, name: "Alice" });
  a.document.presence.set("here", "body");
  await sees(b.document, [["alice", "", { cursor: 3, name: "Alice" }], ["alice", "body", "here"]]);
  assert.deepEqual(a.document.presence.peers, []);
  assert.deepEqual(a.document.presence.get(), { cursor: 3, name: "Alice" });
  b.document.presence.set(1);
  await sees(a.document, [["bob", "", 1]]);
  const { document: c } = await join(context, loopback, "carol"); // a newcomer
  await sees(c, [["alice", "", { cursor: 3, name: "Alice" }], ["alice", "body", "here"], ["bob", "", 1]]);
  a.document.presence.set(undefined, "body");
  await sees(b.document, [["alice", "", { cursor: 3, name: "Alice" }]]);
  assert.deepEqual(heard.at(-1), b.document.presence.peers);
  const number = heard.length;
  loopback.tellPresence(); // what is known already
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(heard.length, number);
});

test("it ends with the document and with the connection, and is shown again on the next", async (context) => {
  const loopback = await server();
  const [a, b] = [await join(context, loopback, "alice"), await join(context, loopback, "bob")];
  a.document.presence.set("a");
  b.document.presence.set("b");
  await sees(a.document, [["bob", "", "b"]]);
  await sees(b.document, [["alice", "", "a"]]);
  a.client.disconnect();
  await sees(a.document, []); // without a connection nobody is seen
  await sees(b.document, []);
  a.client.connect();
  await sees(a.document, [["bob", "", "b"]]);
  await sees(b.document, [["alice", "", "a"]]);
  loopback.cut();
  await sees(b.document, []);
  await sees(b.document, [["alice", "", "a"]]); // both came back
  a.document.close();
  await sees(b.document, []);
});

test("what moves quickly is told seldom, and the last of it is told", async (context) => {
  const loopback = await server();
  const [a, b] = [await join(context, loopback, "alice"), await join(context, loopback, "bob")];
  const began = Date.now();
  for (let i = 0; i <= 300; i++) {
    a.document.presence.set({ cursor: i });
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const ms = Date.now() - began;
  await sees(b.document, [["alice", "", { cursor: 300 }]]);
  assert.ok(loopback.shown.length <= 3 + ms / 50, `${loopback.shown.length} messages in ${ms} ms`);
});

test("it is repeated while it lasts, and no longer", async (context) => {
  const loopback = await server();
  loopback.presenceMs = 40;
  const { document } = await join(context, loopback, "alice");
  document.presence.set(1);
  await shown(loopback, () => loopback.shown.length > 3);
  document.presence.set(undefined);
  await shown(loopback, () => loopback.shown.at(-1)?.state === "");
  const before = loopback.shown.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(loopback.shown.length, before);
});
