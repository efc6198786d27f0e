import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { Code, Payload } from "../generated/converge.ts";
import { Client, CoreModule, type ConvergeError, type Document, type TokenProvider } from "../src/index.ts";
import { Loopback } from "./loopback.ts";

const wasm = await WebAssembly.compile(await readFile(process.env["CONVERGE_WASM"]!));

async function server(): Promise<Loopback> {
  return new Loopback(await CoreModule.load(wasm));
}

function connect(context: TestContext, loopback: Loopback, token: string | TokenProvider = "alice"): Client {
  const client = new Client({ url: "ws://loopback/sync", token, core: wasm, WebSocket: loopback.WebSocket });
  context.after(() => client.close());
  return client;
}

async function pair(context: TestContext, loopback: Loopback): Promise<{ clients: [Client, Client]; documents: [Document, Document] }> {
  const clients: [Client, Client] = [connect(context, loopback, "alice"), connect(context, loopback, "bob")];
  return { clients, documents: [await clients[0].open("note", "welcome"), await clients[1].open("note", "welcome")] };
}

/** Waits until `is` holds, and fails with what it was after 60 s. */
async function until(is: () => boolean, what: () => unknown = () => is.toString()): Promise<void> {
  for (const end = Date.now() + 60_000; !is(); ) {
    if (Date.now() > end) assert.fail(`not within 60 s: ${JSON.stringify(what())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function view(document: Document): { body: string; props: object; tags: readonly string[] } {
  return { body: document.text("body").value, props: document.map("props").toJSON(), tags: document.set("tags").values() };
}

test("what one client writes, the other reads", async (context) => {
  const { documents: [a, b] } = await pair(context, await server());
  a.text("body").insert(0, "Hello world");
  a.map("props").set("title", "Greeting");
  a.map("props").set("size", { w: 1, h: [2, null] });
  a.set("tags").add("new");
  a.text("body").splice(0, 5, "Goodbye");
  const expected = { body: "Goodbye world", props: { size: { w: 1, h: [2, null] }, title: "Greeting" }, tags: ["new"] };
  assert.deepEqual(view(a), expected);
  await until(() => b.set("tags").has("new") && b.text("body").value.startsWith("Good"), () => view(b));
  assert.deepEqual(view(b), expected);
  await a.acknowledged();
  assert.equal(a.pending, 0);
  b.map("props").unset("size");
  b.set("tags").remove("new");
  await until(() => a.set("tags").size === 0);
  assert.deepEqual(view(a), { body: "Goodbye world", props: { title: "Greeting" }, tags: [] });
});

test("concurrent edits converge", async (context) => {
  const { documents: [a, b] } = await pair(context, await server());
  let length = 0;
  for (let round = 0; round < 40; round++) {
    a.text("body").insert(Math.floor(a.text("body").length / 2), `a${round}`);
    b.text("body").insert(b.text("body").length, `b${round}`);
    length += 2 * `a${round}`.length;
    if (round % 3 === 0) {
      a.text("body").delete(0, 1); // only this client deletes: nothing goes twice
      length--;
    }
    a.map("props").set(`k${round % 5}`, round);
    b.map("props").set(`k${round % 4}`, -round);
    b.set("tags").add(`t${round % 7}`);
    a.set("tags").remove(`t${round % 6}`);
    if (round % 4 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await Promise.all([a.acknowledged(), b.acknowledged()]);
  await until(() => JSON.stringify(view(a)) === JSON.stringify(view(b)), () => [view(a), view(b)]);
  assert.equal(a.text("body").length, length);
  assert.equal(a.map("props").size, 5);
});

test("positions are UTF-16 units; a surrogate pair is never cut", async (context) => {
  const { documents: [a, b] } = await pair(context, await server());
  const body = a.text("body");
  body.insert(0, "a😀b");
  assert.equal(body.length, 4);
  body.insert(3, "é");
  assert.equal(body.value, "a😀éb");
  assert.throws(() => body.insert(2, "x"), { code: "out_of_range" });
  assert.throws(() => body.delete(0, 9), { code: "out_of_range" });
  assert.throws(() => body.insert(0, "\ud83d"), { code: "invalid" });
  body.assign("a😁éb");
  assert.equal(body.value, "a😁éb");
  body.delete(1, 2);
  await until(() => b.text("body").value === "aéb");
});

test("remote edits are told as splices, local ones too", async (context) => {
  const { documents: [a, b] } = await pair(context, await server());
  const local: unknown[] = [];
  const remote: unknown[] = [];
  a.on("change", ({ origin, splices }) => local.push([origin, splices.get("body")]));
  b.on("change", ({ origin, splices, principals }) => remote.push([origin, principals, splices.get("body")]));
  a.text("body").insert(0, "😀 one");
  a.text("body").insert(3, "big ");
  await until(() => remote.length === 2);
  const splices = [{ at: 0, removed: 0, inserted: "😀 one" }, { at: 3, removed: 0, inserted: "big " }];
  assert.deepEqual(local, splices.map((splice) => ["local", [splice]]));
  assert.deepEqual(remote, splices.map((splice) => ["remote", ["alice"], [splice]]));
});

test("a transaction is one change", async (context) => {
  const loopback = await server();
  const { documents: [a, b] } = await pair(context, loopback);
  let seen = 0;
  b.on("change", () => seen++);
  a.transact(() => {
    a.text("body").insert(0, "text");
    a.text("body").insert(4, "!");
    a.map("props").set("title", "T");
  });
  await until(() => b.map("props").has("title"));
  assert.equal(loopback.log.length, 1);
  assert.equal(seen, 1);
  assert.equal(b.text("body").value, "text!");
});

test("an atomic change tells when it is committed, and what it expects", async (context) => {
  const loopback = await server();
  const { documents: [a, b] } = await pair(context, loopback);
  await a.atomic(() => {
    a.text("body").insert(0, "text");
    a.map("props").set("title", "T");
  });
  assert.equal(loopback.log.length, 1);
  assert.equal(a.pending, 0);
  assert.equal(loopback.pushes.at(-1)?.expect.length, 0);
  a.set("tags").add("before");
  const version = a.logVersion();
  await a.atomic(() => a.counter("votes").increment(), { expect: true });
  assert.deepEqual(loopback.pushes.slice(1).map(({ changes }) => changes), [1, 1], "it travels by itself");
  assert.notEqual(loopback.pushes.at(-1)?.expect.length, 0);
  assert.notDeepEqual(loopback.pushes.at(-1)?.expect, version, "what the client itself wrote before is expected too");
  await until(() => b.counter("votes").value === 1n && b.set("tags").has("before"));
  await a.atomic(() => {}); // nothing to say
});

test("an atomic change that is refused is taken back, and told to who made it", async (context) => {
  const loopback = await server();
  const { clients: [left], documents: [a, b] } = await pair(context, loopback);
  left.disconnect();
  a.text("body").insert(0, "before");
  const expecting = a.atomic(() => a.map("props").set("title", "T"), { expect: true });
  const behind = a.atomic(() => a.set("tags").add("behind"));
  a.text("body").insert(6, " and after");
  loopback.verdict = (change) => (change.seq === 2n && loopback.log.length === 1 ? Code.CODE_EXPECTATION_FAILED : undefined);
  left.connect();
  await assert.rejects(expecting, (error: ConvergeError) => error.code === "expectation_failed");
  await assert.rejects(behind, (error: ConvergeError) => error.code === "expectation_failed", "it is not made again");
  await a.acknowledged();
  await until(() => b.text("body").value === "before and after", () => view(b));
  assert.deepEqual(view(a), { body: "before and after", props: {}, tags: [] });
  assert.deepEqual(view(b), view(a));
});

test("an atomic change has no verdict from a restored server, nor from a closed document", async (context) => {
  const loopback = await server();
  const { clients: [left], documents: [a] } = await pair(context, loopback);
  left.disconnect();
  a.text("body").insert(0, "kept");
  const change = a.atomic(() => a.set("tags").add("once"));
  loopback.epoch = 2n;
  left.connect();
  await assert.rejects(change, (error: ConvergeError) => error.code === "aborted");
  await until(() => a.state === "live" && a.pending === 0);
  assert.deepEqual(view(a), { body: "kept", props: {}, tags: [] });
  left.disconnect();
  const last = a.atomic(() => a.set("tags").add("late"));
  a.close();
  await assert.rejects(last, (error: ConvergeError) => error.message === "document was closed");
  await assert.rejects(a.atomic(() => {}), (error: ConvergeError) => error.code === "invalid");
});

test("edits made offline are sent when the connection is back", async (context) => {
  const loopback = await server();
  const { clients: [left], documents: [a, b] } = await pair(context, loopback);
  a.text("body").insert(0, "shared ");
  await until(() => b.text("body").value === "shared ");
  left.disconnect();
  assert.equal(a.state, "detached");
  a.text("body").insert(7, "offline");
  a.set("tags").add("offline");
  b.text("body").insert(0, "online ");
  await b.acknowledged();
  assert.equal(a.pending, 2);
  assert.equal(b.set("tags").size, 0);
  left.connect();
  await a.acknowledged();
  await until(() => b.set("tags").has("offline") && a.text("body").value === b.text("body").value);
  assert.equal(a.text("body").value, "online shared offline");
});

/** Seven changes, buffered for so long: the client, and what it had sent before. Undefined
 * where the machine was too busy to make them in that time. */
async function buffered(context: TestContext, loopback: Loopback, bufferMs: number) {
  const client = new Client({ url: "ws://loopback/sync", token: "alice", core: wasm, WebSocket: loopback.WebSocket, push: "buffered", bufferMs });
  context.after(() => client.close());
  const document = await client.open("note", "welcome");
  const sent = client.wire.sentMessages;
  const begin = Date.now();
  for (const letter of "several") {
    document.text("body").insert(0, letter);
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (Date.now() - begin >= bufferMs) return undefined;
  assert.equal(client.wire.sentMessages, sent);
  await document.acknowledged();
  assert.ok(Date.now() - begin >= bufferMs - 5);
  return { client, document, sent };
}

test("buffered changes travel together, and at the latest with a goodbye", async (context) => {
  let loopback!: Loopback;
  let made: Awaited<ReturnType<typeof buffered>>;
  for (const bufferMs of [60, 1000, 10_000]) {
    loopback = await server();
    if ((made = await buffered(context, loopback, bufferMs)) !== undefined) break;
  }
  const { client, document, sent } = made!;
  assert.equal(client.wire.sentMessages, sent + 1);
  assert.equal(loopback.log.length, 7);
  document.text("body").insert(0, "last");
  document.close();
  assert.equal(client.wire.sentMessages, sent + 3); // a push, and that it is not followed any more
});

test("what waited through a long absence is offered as one change", async (context) => {
  const loopback = await server();
  let now = 1_000_000_000_000;
  const client = new Client({ url: "ws://loopback/sync", token: "alice", core: wasm, WebSocket: loopback.WebSocket, reconcileAfterMs: 60_000, now: () => now });
  context.after(() => client.close());
  const document = await client.open("note", "welcome");
  document.text("body").insert(0, "kept ");
  await document.acknowledged();
  const away = async (ms: number) => {
    client.disconnect();
    for (const letter of "abc") document.text("body").insert(0, letter);
    now += ms;
    client.connect();
    await document.acknowledged();
  };
  await away(59_999);
  assert.equal(loopback.log.length, 4);
  await away(60_000);
  assert.equal(loopback.log.length, 5);
  assert.equal(document.text("body").value, "cbacbakept ");
  document.text("body").insert(0, "on ");
  await document.acknowledged();
  assert.equal(loopback.log.length, 6);
});

test("a lost acknowledgement costs nothing: sent again, logged once", async (context) => {
  const loopback = await server();
  const { documents: [a, b] } = await pair(context, loopback);
  loopback.mute = true;
  a.set("tags").add("once");
  b.text("body").insert(0, "x");
  await until(() => loopback.log.length === 2);
  loopback.mute = false;
  loopback.cut();
  await a.acknowledged();
  await b.acknowledged();
  await until(() => a.text("body").value === "x" && b.set("tags").has("once"));
  assert.equal(loopback.log.length, 2);
});

/** One edit of the set and one of the text, made offline; the server refuses the first with `code`. */
async function refuse(context: TestContext, code: Code) {
  const loopback = await server();
  const { clients: [left], documents: [a, b] } = await pair(context, loopback);
  a.text("body").insert(0, "kept ");
  await a.acknowledged();
  left.disconnect();
  a.set("tags").add("forbidden");
  a.text("body").insert(5, "and later");
  let refused = false;
  loopback.verdict = () => (refused ? undefined : ((refused = true), code));
  const refusal = a.once("refused");
  left.connect();
  const told = await refusal;
  await a.acknowledged();
  return { told, a, b };
}

test("a refused edit is rolled back and told; later ones are made again", async (context) => {
  const { told, a, b } = await refuse(context, Code.CODE_TOO_LARGE);
  assert.equal(told.error.code, "too_large");
  assert.deepEqual(told.fields, ["tags"]);
  assert.equal(told.reapplied, 1);
  await until(() => b.text("body").value === "kept and later", () => view(b));
  assert.deepEqual(view(a), view(b));
  assert.deepEqual(view(a).tags, []);
});

test("a violated constraint is told by its name, and takes back its own change alone", async (context) => {
  const { told, a, b } = await refuse(context, Code.CODE_VIOLATES_CONSTRAINT);
  assert.equal(told.error.code, "violates_constraint");
  assert.deepEqual(told.error.violation, { sqlstate: "23514", constraint: "at_most_three" });
  assert.equal(told.reapplied, 1);
  await until(() => b.text("body").value === "kept and later", () => view(b));
  assert.deepEqual(view(a), view(b));
});

test("who may not write loses what was not acknowledged, and nothing else", async (context) => {
  const { told, a, b } = await refuse(context, Code.CODE_DENIED);
  assert.equal(told.error.code, "denied");
  assert.deepEqual(told.fields, ["tags", "body"]);
  assert.equal(told.reapplied, 0);
  assert.deepEqual(view(a), { body: "kept ", props: {}, tags: [] });
  await until(() => b.text("body").value === "kept ");
});

test("a verdict of unavailable is no refusal: the same number comes again", async (context) => {
  const loopback = await server();
  const { documents: [a] } = await pair(context, loopback);
  let times = 0;
  loopback.verdict = () => (times++ < 1 ? Code.CODE_UNAVAILABLE : undefined);
  a.set("tags").add("later");
  await a.acknowledged();
  assert.equal(times, 2);
  assert.equal(loopback.log.length, 1);
});

test("a Yjs document among the fields is passed by, and said to be one", async (context) => {
  const loopback = await server();
  const typed = Uint8Array.of(0xa1, 0x02, 0x01, 0x09, 0x00, 0x01, 0x50, 0x00, 0x02, 0x78); // a character, docs/internals.md
  const payload = Payload.encode({ operation: 0, fields: [{ field: "page", delta: typed }], columns: [] }).finish();
  loopback.log.push({ replica: 9n, seq: 1n, hlc: 1n << 16n, payload, principal: "bob", isNew: false });
  const document = await connect(context, loopback).open("note", "welcome");
  assert.ok(document.fields.some(({ field }) => field === "page"));
  assert.throws(() => document.text("page"), { code: "wrong_type", message: 'field "page" is ydoc, not crdt_text', detail: "Yjs clients edit it, at /yjs/note/welcome/page" });
  document.text("body").insert(0, "beside it");
  await document.acknowledged();
  assert.equal(loopback.log.at(-1)?.seq, 1n);
});

test("a document that is not there is refused by name, others stay", async (context) => {
  const loopback = await server();
  const client = connect(context, loopback);
  await assert.rejects(client.open("note", "nowhere"), { code: "unknown_document" });
  const document = await client.open("note", "welcome");
  assert.equal(document.state, "live");
  assert.throws(() => document.text("props"), { code: "wrong_type" });
  assert.throws(() => document.text("nothing"), { code: "unknown_field" });
  assert.equal(await client.open("note", "welcome"), document);
});

test("what the documents lack is asked for with the greeting, once", async (context) => {
  const loopback = await server();
  const client = connect(context, loopback);
  const document = await client.open("note", "welcome");
  assert.deepEqual(loopback.heard, ["hello", "subscribe"]);
  loopback.heard.length = 0;
  loopback.silent = true;
  loopback.cut();
  await until(() => loopback.heard.length === 2, () => loopback.heard);
  assert.deepEqual(loopback.heard, ["hello", "subscribe"]);
  assert.equal(client.state, "connecting");
  loopback.silent = false;
  loopback.heard.length = 0;
  loopback.cut();
  await until(() => document.state === "live", () => document.state);
  assert.deepEqual(loopback.heard, ["hello", "subscribe"]);
});

test("a server without room for a subscription is asked again", async (context) => {
  const loopback = await server();
  loopback.problems = [Code.CODE_UNAVAILABLE, Code.CODE_LIMIT];
  const document = await connect(context, loopback).open("note", "welcome");
  assert.equal(document.state, "live");
  assert.deepEqual(loopback.problems, []);
});

test("a permission that is taken away ends the document, and comes back with the next connection", async (context) => {
  const loopback = await server();
  const { documents: [a, b] } = await pair(context, loopback);
  loopback.revoke();
  await until(() => a.state === "refused" && b.state === "refused");
  assert.equal(a.failure?.code, "denied");
  assert.equal(a.failure?.message, "permission was taken away");
  loopback.cut();
  await until(() => a.state === "live");
  assert.equal(a.failure, undefined);
});

test("a forged token ends the tries; a lost server does not", async (context) => {
  const loopback = await server();
  const forged = connect(context, loopback, "forged");
  const problem: ConvergeError = await forged.once("problem");
  assert.equal(problem.code, "unauthenticated");
  assert.equal(forged.state, "offline");
  loopback.up = false;
  const waiting = connect(context, loopback);
  await waiting.once("problem");
  assert.equal(waiting.state, "waiting");
  loopback.up = true;
  const document = await waiting.open("note", "welcome");
  assert.equal(document.state, "live");
  assert.deepEqual(waiting.identity, { tenant: "acme", principal: "alice" });
});

test("what the server has to say of an old protocol is told, and the connection goes on", async (context) => {
  const loopback = await server();
  loopback.notice = "protocol version 1 is old";
  const client = connect(context, loopback);
  const told: string[] = [];
  client.on("notice", (message) => told.push(message));
  const note = await client.open("note", "welcome");
  note.text("body").insert(0, "still served");
  await note.acknowledged();
  assert.deepEqual(told, ["protocol version 1 is old"]);
});

test("a token that a function gives is renewed before it ends, on the same connection", async (context) => {
  const loopback = await server();
  loopback.tokenMs = 50n;
  let given = 0;
  const client = connect(context, loopback, () => `alice ${++given}`);
  const document = await client.open("note", "welcome");
  await until(() => loopback.tokens.length > 3, () => loopback.tokens);
  assert.deepEqual(loopback.tokens.slice(0, 3), ["alice 1", "alice 2", "alice 3"]);
  assert.equal(loopback.greetings, 1);
  assert.equal(document.state, "live");
});

test("a token that was refused for renewal leaves the connection as it is", async (context) => {
  const loopback = await server();
  loopback.tokenMs = 50n;
  let given = 0;
  const client = connect(context, loopback, () => (given++ === 0 ? "alice" : "forged"));
  const document = await client.open("note", "welcome");
  const problem: ConvergeError = await client.once("problem");
  assert.equal(problem.code, "unauthenticated");
  assert.equal(client.state, "online");
  assert.equal(document.state, "live");
});

test("a token that has ended is replaced by the one that its function gives; a fixed one ends the tries", async (context) => {
  const loopback = await server();
  let given = 0;
  const renewing = connect(context, loopback, () => `alice ${++given}`);
  const document = await renewing.open("note", "welcome");
  const fixed = connect(context, loopback, "bob");
  await fixed.open("note", "welcome");
  loopback.expire();
  await until(() => renewing.state === "online" && given === 2, () => renewing.state);
  await until(() => document.state === "live", () => document.state);
  await until(() => fixed.state === "offline", () => fixed.state);
});

test("a restored server is offered what it forgot", async (context) => {
  const loopback = await server();
  const { documents: [a, b] } = await pair(context, loopback);
  a.text("body").insert(0, "kept");
  await a.acknowledged();
  const kept = loopback.log.length;
  a.text("body").insert(4, " and forgotten");
  await a.acknowledged();
  await until(() => b.text("body").value === "kept and forgotten");
  loopback.log = loopback.log.slice(0, kept);
  loopback.epoch = 2n;
  loopback.cut();
  await until(() => loopback.log.length > kept && a.pending === 0 && b.pending === 0);
  const late = await connect(context, loopback, "carol").open("note", "welcome");
  assert.equal(late.text("body").value, "kept and forgotten");
});

test("nothing counts as acknowledged while a restored server is asked what it forgot", async (context) => {
  const loopback = await server();
  const { clients: [left], documents: [a] } = await pair(context, loopback);
  a.text("body").insert(0, "kept");
  await a.acknowledged();
  left.disconnect();
  a.text("body").insert(4, " and offline");
  loopback.epoch = 2n;
  const logged = loopback.log.length;
  left.connect();
  await a.acknowledged();
  assert.equal(loopback.log.length, logged + 1);
  assert.equal(a.state, "live");
});

test("a row that was deleted and made again is another document", async (context) => {
  const loopback = await server();
  const { documents: [a] } = await pair(context, loopback);
  a.text("body").insert(0, "of the first");
  a.set("tags").add("first");
  await a.acknowledged();
  loopback.log = [];
  loopback.incarnation = 2n;
  loopback.cut();
  await until(() => a.text("body").value === "" && a.state === "live");
  assert.deepEqual(view(a), { body: "", props: {}, tags: [] });
  a.text("body").insert(0, "of the second");
  await a.acknowledged();
  assert.equal(loopback.log.length, 1);
});
