// The page's Yjs editors, two browsers on one row: ProseMirror, CodeMirror, SQL.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { startDemo } from "./demo.mjs";
import { becomes, openPage } from "./panes.mjs";

let demo;
before(async () => (demo = await startDemo()), { timeout: 1_800_000 });
after(async () => await demo?.stop(), { timeout: 300_000 });

const limit = { timeout: 300_000 };
const row = (what, key) => demo.sql(`SELECT ${what} FROM note WHERE tenant = 'acme' AND id = '${key}'`);
const code = (key) => row("converge.yjs_text(doc, 'codemirror')", key);
const prose = (key) => row("converge.yjs_xml(doc, 'prosemirror')", key);

/** A token of another principal of acme, signed with the demo's key. */
async function tokenOf(principal) {
  const secret = Buffer.from(await demo.sql("SELECT encode(secret, 'hex') FROM converge.jwt_key WHERE kid = 'demo'"), "hex");
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT", kid: "demo" })}.${part({ tenant: "acme", sub: principal, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** A browser of its own on the document. */
async function visitor(context, key, principal) {
  const browser = await demo.browser.newContext();
  context.after(() => browser.close());
  const opened = await openPage(context, demo, `note/${key}`, await tokenOf(principal), { browser });
  const section = opened.page.locator("#yjs");
  await section.and(opened.page.locator('[data-state="live"]')).waitFor();
  const proseEditor = section.locator(".prose-editor > .editor");
  const codeEditor = section.locator(".cm-content");
  // What a reader sees, without the others' cursors.
  const lines = (editor, line, cursor) => editor.locator(line).evaluateAll((elements, selector) => elements.map((element) => {
    const copy = element.cloneNode(true);
    for (const one of copy.querySelectorAll(selector)) one.remove();
    return copy.textContent;
  }).join("\n"), cursor);
  return {
    ...opened,
    section,
    proseEditor,
    codeEditor,
    prose: () => lines(proseEditor, "p", ".ProseMirror-yjs-cursor"),
    proseHtml: () => proseEditor.evaluate((element) => {
      const copy = element.cloneNode(true);
      for (const one of copy.querySelectorAll(".ProseMirror-yjs-cursor, .ProseMirror-separator, .ProseMirror-trailingBreak")) one.remove();
      return copy.innerHTML;
    }),
    /** The prose before the other one's caret, as it is shown here; null: it is not. */
    proseBeforeCaret: () => proseEditor.evaluate((element) => {
      const caret = element.querySelector(".ProseMirror-yjs-cursor");
      if (caret === null) return null;
      const range = document.createRange();
      range.setStart(element, 0);
      range.setEndBefore(caret);
      return range.toString();
    }),
    code: () => lines(codeEditor, ".cm-line", ".cm-ySelectionCaret, .cm-widgetBuffer"),
    cursors: async () => ({
      prose: await section.locator(".ProseMirror-yjs-cursor > div").allTextContents(),
      code: await section.locator(".cm-ySelectionInfo").allTextContents(),
    }),
  };
}

test("two browsers, ProseMirror and CodeMirror, and SQL write one row", limit, async (context) => {
  await demo.sql("INSERT INTO note (tenant, id) VALUES ('acme', 'editors')");
  const alice = await visitor(context, "editors", "alice");
  const bob = await visitor(context, "editors", "bob");

  await alice.proseEditor.focus();
  await bob.codeEditor.focus();
  const sentences = ["Typed in ProseMirror.", "typed in CodeMirror 😀"];
  for (let at = 0; at < Math.max(...sentences.map((text) => [...text].length)); ++at) {
    const [inProse, inCode] = sentences.map((text) => [...text][at]);
    await Promise.all([inProse && alice.page.keyboard.type(inProse), inCode && bob.page.keyboard.type(inCode)]);
    if (at === 10) await demo.sql("UPDATE note SET doc = converge.yjs_insert(doc, 'codemirror', 0, 'SQL: ') WHERE tenant = 'acme' AND id = 'editors'");
  }
  for (const { prose: proseText, code: codeText } of [alice, bob]) {
    await becomes(proseText, "Typed in ProseMirror.", "the prose");
    await becomes(codeText, "SQL: typed in CodeMirror 😀", "the code");
  }
  await becomes(() => code("editors"), "SQL: typed in CodeMirror 😀", "the row's code");
  await becomes(() => prose("editors"), "<paragraph>Typed in ProseMirror.</paragraph>", "the row's prose");

  // Marks and another paragraph, by the other one; what SQL deletes is gone for both.
  await bob.proseEditor.focus();
  // This key moves the browser's caret, which ProseMirror takes for its own a moment later; or
  // puts back, when it has just drawn something.
  await becomes(async () => {
    await bob.page.keyboard.press("Control+End");
    return alice.proseBeforeCaret();
  }, "Typed in ProseMirror.", "what is before bob's caret");
  await bob.page.keyboard.press("Enter");
  await bob.page.keyboard.press("Control+b");
  await bob.page.keyboard.type("bold");
  await demo.sql("UPDATE note SET doc = converge.yjs_delete(doc, 'codemirror', 0, 5) WHERE tenant = 'acme' AND id = 'editors'");
  for (const { proseHtml, code: codeText } of [alice, bob]) {
    await becomes(proseHtml, "<p>Typed in ProseMirror.</p><p><strong>bold</strong></p>", "the prose");
    await becomes(codeText, "typed in CodeMirror 😀", "the code");
  }
  await becomes(() => prose("editors"), "<paragraph>Typed in ProseMirror.</paragraph><paragraph><strong>bold</strong></paragraph>", "the row's prose");
  assert.deepEqual([...alice.errors, ...bob.errors], []);
});

test("a statement in the SQL box: every editor of the row shows what it did", limit, async (context) => {
  await demo.sql("INSERT INTO note (tenant, id, body) VALUES ('acme', 'box', converge.new_text('as it was'))");
  const alice = await visitor(context, "box", "alice");
  const bob = await visitor(context, "box", "bob");
  const box = alice.page.locator("#sql-box");
  const [statement, status, result] = [box.getByLabel("statement"), box.getByRole("status"), box.getByRole("region", { name: "Result" })];
  assert.equal(await alice.page.locator("#psql").isVisible(), false);

  // As it stands there: both texts of the row get a sentence.
  await box.getByRole("button", { name: "Run" }).click();
  await becomes(async () => (await status.textContent()).replace(/\d+ ms/, "N ms"), "UPDATE 1, N ms", "what the box says");
  for (const { left, right, code: codeText } of [alice, bob]) {
    for (const pane of [left, right]) await becomes(pane.text, "Hello from SQL. as it was", "a text");
    await becomes(codeText, "Hello from SQL. ", "the code");
  }
  assert.equal(await result.isVisible(), false);

  await bob.proseEditor.focus();
  await bob.page.keyboard.type("Typed.");
  await becomes(() => prose("box"), "<paragraph>Typed.</paragraph>", "the row's prose");
  await statement.fill("UPDATE note SET doc = converge.yjs_insert(doc, 'codemirror', 0, 'x') WHERE id = 'box'\nRETURNING id, body::text, converge.yjs_xml(doc, 'prosemirror') AS prose, NULL AS nothing");
  await statement.press("Control+Enter");
  const table = async () => (await result.locator("tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))));
  await becomes(table, [["id", "body", "prose", "nothing"], ["box", "Hello from SQL. as it was", "<paragraph>Typed.</paragraph>", "null"]], "the table");
  for (const { code: codeText } of [alice, bob]) await becomes(codeText, "xHello from SQL. ", "the code");
  assert.deepEqual([...alice.errors, ...bob.errors], []);

  // A mistake, with its place; then another tenant's rows, of which there are none.
  await statement.fill("SELECT 😀id FROM note");
  await statement.press("Control+Enter");
  const alert = box.getByRole("alert");
  await becomes(() => alert.locator("p:visible").first().textContent(), 'column "😀id" does not exist (42703)', "the error");
  await becomes(() => statement.evaluate((area) => area.value.slice(area.selectionStart)), "😀id FROM note", "the place");
  assert.equal(await result.isVisible(), false);
  await statement.fill("SELECT DISTINCT tenant FROM note");
  await statement.press("Control+Enter");
  await becomes(table, [["tenant"], ["acme"]], "the table");
  assert.equal(await alert.isVisible(), false);
});

test("where the server has no SQL box the page shows a statement for psql", limit, async (context) => {
  const page = await demo.browser.newPage();
  context.after(() => page.close());
  await page.route((url) => url.pathname === "/", (route) => (route.request().method() === "HEAD" ? route.fulfill({ status: 200 }) : route.continue()));
  await page.goto(`${demo.page}#token=${demo.tokens.acme}`);
  await page.locator("#psql").waitFor();
  assert.equal(await page.locator("#sql-box").isVisible(), false);
  assert.match(await page.locator("#sql").textContent(), /^UPDATE note SET body = /);
});

test("each sees the other's cursor, under the name that the token says", limit, async (context) => {
  await demo.sql("INSERT INTO note (tenant, id, doc) VALUES ('acme', 'cursors', converge.yjs_insert('', 'codemirror', 0, 'a line'))");
  const alice = await visitor(context, "cursors", "alice");
  const bob = await visitor(context, "cursors", "bob");
  await alice.proseEditor.focus();
  await alice.page.keyboard.type("here");
  await becomes(async () => (await bob.cursors()).prose, ["alice"], "the cursors that bob sees");
  await bob.codeEditor.focus();
  await bob.page.keyboard.press("End");
  await becomes(async () => (await alice.cursors()).code, ["bob"], "the cursors that alice sees");
  await bob.page.close();
  await becomes(async () => (await alice.cursors()).code, [], "the cursors after bob went");
});

test("typed while the line was cut, merged when it is back", limit, async (context) => {
  await demo.sql("INSERT INTO note (tenant, id) VALUES ('acme', 'cut')");
  const alice = await visitor(context, "cut", "alice");
  const bob = await visitor(context, "cut", "bob");
  await alice.page.context().setOffline(true);
  await alice.page.evaluate(() => dispatchEvent(new Event("offline")));
  await alice.codeEditor.focus();
  await alice.page.keyboard.type("alone");
  await bob.proseEditor.focus();
  await bob.page.keyboard.type("meanwhile");
  await alice.page.context().setOffline(false);
  for (const { prose: proseText, code: codeText } of [alice, bob]) {
    await becomes(proseText, "meanwhile", "the prose");
    await becomes(codeText, "alone", "the code");
  }
  await becomes(() => code("cut"), "alone", "the row's code");
});
