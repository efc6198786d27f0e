// Editors that teams come with, in two browsers on one row: Tiptap, Quill and Lexical, with
// their own Yjs bindings; and what SQL has of them. (The page's are ProseMirror and CodeMirror.)
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { startDemo } from "./demo.mjs";
import { becomes } from "./panes.mjs";

const root = new URL("../../", import.meta.url).pathname;
let demo;
let script;
before(async () => {
  execFileSync("scripts/npm-packages", ["test/browser/bindings"], { cwd: root });
  demo = await startDemo();  // which installs esbuild with the page's packages
  script = execFileSync("client/typescript/node_modules/.bin/esbuild",
    ["--bundle", "--format=iife", "--log-level=warning", "test/browser/bindings/bindings.mjs"], { cwd: root, maxBuffer: 1 << 26, encoding: "utf8" });
}, { timeout: 1_800_000 });
after(async () => await demo?.stop(), { timeout: 300_000 });

const field = (what) => demo.sql(`SELECT ${what} FROM note WHERE tenant = 'acme' AND id = 'bindings'`);

/** A browser of its own on the document; tells what its editors show. */
async function visitor(context) {
  const browser = await demo.browser.newContext({ bypassCSP: true });
  context.after(() => browser.close());
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(new URL("/healthz", demo.page).href);
  await page.addScriptTag({ content: script });
  await page.evaluate(([url, token]) => openEditors(url, "note/bindings/doc", token),
    [new URL("/yjs", demo.page).href.replace(/^http/, "ws"), demo.tokens.acme]);
  return {
    page,
    errors,
    tiptap: () => page.evaluate(() => editors.tiptap.getHTML()),
    quill: () => page.evaluate(() => editors.quill.getContents().ops),
    lexical: () => page.evaluate(() => document.getElementById("lexical").innerText),
  };
}

test("two browsers with Tiptap, Quill and Lexical, and SQL, write one row", { timeout: 300_000 }, async (context) => {
  await demo.sql("INSERT INTO note (tenant, id) VALUES ('acme', 'bindings')");
  const alice = await visitor(context);
  const bob = await visitor(context);

  await alice.page.locator("#tiptap .tiptap").focus();
  await alice.page.keyboard.type("Typed in Tiptap");
  await becomes(bob.tiptap, "<p>Typed in Tiptap</p>", "the prose");
  await bob.page.evaluate(() => editors.tiptap.chain().setTextSelection({ from: 10, to: 16 }).toggleBold().run());
  for (const { tiptap } of [alice, bob]) await becomes(tiptap, "<p>Typed in <strong>Tiptap</strong></p>", "the prose");

  // Marks on text, a line's format, an embed; and SQL in the same text.
  await bob.page.locator("#quill .ql-editor").focus();
  await bob.page.keyboard.type("Title\nTyped in Quill");
  await becomes(alice.quill, [{ insert: "Title\nTyped in Quill\n" }], "the text");
  await bob.page.evaluate(() => {
    editors.quill.formatText(15, 5, "bold", true, "user");
    editors.quill.formatLine(0, 1, "header", 2, "user");
    editors.quill.insertEmbed(0, "image", "/seal.png", "user");
  });
  await becomes(alice.quill, await bob.quill(), "what alice has of bob's text");
  await demo.sql("UPDATE note SET doc = converge.yjs_insert(doc, 'quill', 1, 'SQL: ') WHERE tenant = 'acme' AND id = 'bindings'");
  const ops = [{ insert: { image: "/seal.png" } }, { insert: "SQL: Title" }, { insert: "\n", attributes: { header: 2 } },
    { insert: "Typed in " }, { insert: "Quill", attributes: { bold: true } }, { insert: "\n" }];
  for (const { quill } of [alice, bob]) await becomes(quill, ops, "the text");

  await alice.page.locator("#lexical").focus();
  await alice.page.keyboard.type("Typed in Lexical");
  await becomes(bob.lexical, "Typed in Lexical", "what bob has of alice's text");
  await bob.page.locator("#lexical").focus();
  await bob.page.keyboard.press("Control+End");
  await bob.page.keyboard.press("Enter");
  await bob.page.keyboard.type("twice");
  for (const { lexical } of [alice, bob]) {
    await becomes(async () => (await lexical()).split(/\n+/), ["Typed in Lexical", "twice"], "the lines");
  }

  await becomes(() => field("converge.yjs_xml(doc, 'tiptap')"), "<paragraph>Typed in <bold>Tiptap</bold></paragraph>", "the row's prose");
  await becomes(() => field("converge.yjs_text(doc, 'quill')"), "SQL: Title\nTyped in Quill", "the row's text");
  await becomes(() => field("replace(doc::jsonb ->> 'root', '[object Object]', E'\\n')"), "\nTyped in Lexical\ntwice", "the row's Lexical");
  assert.deepEqual([...alice.errors, ...bob.errors], []);
});
