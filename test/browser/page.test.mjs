// The page in Chromium, against the demo: both panes, the table, the wire.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startDemo } from "./demo.mjs";
import { becomes, holds, openPage } from "./panes.mjs";

let demo;
before(async () => (demo = await startDemo()), { timeout: 1_800_000 });
after(async () => await demo?.stop(), { timeout: 300_000 });

const limit = { timeout: 300_000 };

/** Makes a document of the test's own and returns its name. */
async function newDocument(key, body = "", props = "{}", tags = "{}") {
  await demo.sql(`INSERT INTO note (tenant, id, body, props, tags) VALUES ('acme', '${key}', converge.new_text('${body}'), converge.new_map('${props}'), converge.new_set('${tags}'))`);
  return `note/${key}`;
}

const row = (what, key) => demo.sql(`SELECT ${what} FROM note WHERE tenant = 'acme' AND id = '${key}'`);

test("typed in both panes, read in both and in the table", limit, async (context) => {
  const { left, right, errors } = await openPage(context, demo, await newDocument("typed", "middle"));
  assert.equal(await left.text(), "middle");
  await left.caret(0);
  await right.caret(6);
  // Letter by letter in turns: what the other types moves each caret.
  const [toLeft, toRight] = [[..."left    "], [..." right 😀"]];
  for (let at = 0; at < toLeft.length; at++) {
    await left.type(toLeft[at]);
    await right.type(toRight[at]);
  }
  await becomes(left.text, "left    middle right 😀", "the left text");
  await becomes(right.text, "left    middle right 😀", "the right text");
  await becomes(() => row("body::text", "typed"), "left    middle right 😀", "the row");
  assert.deepEqual(errors, []);
});

test("map and set, both ways and in the table", limit, async (context) => {
  const { left, right, errors } = await openPage(context, demo, await newDocument("fields", "", '{"title": "T"}', "{old}"));
  await left.setKey("size", "12");
  await right.addElement("new");
  await left.root.getByRole("button", { name: "Remove old" }).click();
  await right.root.getByLabel("Value of title").fill("Changed");
  await right.root.getByLabel("Value of title").press("Enter");
  for (const pane of [left, right]) {
    await becomes(pane.map, { size: "12", title: "Changed" }, "a map");
    await becomes(pane.set, ["new"], "a set");
  }
  await becomes(() => row("props::jsonb = '{\"size\": 12, \"title\": \"Changed\"}' AND tags::text[] = '{new}'", "fields"), "t", "the row");
  await right.root.getByRole("button", { name: "Unset size" }).click();
  await becomes(left.map, { title: "Changed" }, "the left map");
  await becomes(() => row("props::jsonb", "fields"), '{"title": "Changed"}', "the row");
  assert.deepEqual(errors, []);
});

test("who is there, and where in the text, in both panes", limit, async (context) => {
  const { left, right, errors } = await openPage(context, demo, await newDocument("present", "one two three"));
  await becomes(left.present, ["Right"], "who the left pane sees");
  await becomes(right.present, ["Left"], "who the right pane sees");
  await left.area.focus();
  await left.area.evaluate((element) => element.setSelectionRange(4, 7));
  await becomes(right.selections, ["two"], "what the right pane sees selected");
  assert.deepEqual(await left.selections(), []);
  // The selection stays with its text, and the mark lies where the text is.
  await demo.sql("UPDATE note SET body = converge.insert(body, 0, 'zero ') WHERE tenant = 'acme' AND id = 'present'");
  await becomes(right.text, "zero one two three", "the right text");
  await becomes(right.selections, ["two"], "the selection, moved along");
  await holds(async () => {
    const [mark, area] = [await right.root.locator(".selection").boundingBox(), await right.area.boundingBox()];
    // None while it is drawn anew.
    return mark?.width > 0 && mark.x > area.x && mark.y > area.y && mark.y < area.y + 60;
  }, "whether the mark lies where the text is");
  await left.toggle();
  await becomes(right.present, [], "who is there when the other is offline");
  await becomes(right.selections, [], "what is selected then");
  await left.toggle();
  await becomes(right.present, ["Left"], "who is back");
  assert.deepEqual(errors, []);
});

test("an UPDATE in psql appears in both panes and leaves the caret where it was", limit, async (context) => {
  const { left, right, errors } = await openPage(context, demo, await newDocument("sql", "one three"));
  await left.area.focus();
  await left.area.evaluate((element) => element.setSelectionRange(4, 9));
  await demo.sql("UPDATE note SET body = converge.insert(body, 0, '😀 ') WHERE tenant = 'acme' AND id = 'sql'");
  for (const pane of [left, right]) await becomes(pane.text, "😀 one three", "a text");
  assert.deepEqual(await left.area.evaluate((element) => [element.selectionStart, element.selectionEnd]), [7, 12]);
  await left.area.press("x");
  await becomes(right.text, "😀 one x", "the right text");
  await becomes(() => row("body::text", "sql"), "😀 one x", "the row");
  assert.deepEqual(errors, []);
});

test("what an input method composes is left alone while others edit", limit, async (context) => {
  const { page, left, right, errors } = await openPage(context, demo, await newDocument("composed", "alpha omega"));
  await left.caret(6);
  const keyboard = await page.context().newCDPSession(page);
  await keyboard.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
  await demo.sql("UPDATE note SET body = converge.insert(body, 0, 'SQL ') WHERE tenant = 'acme' AND id = 'composed'");
  await becomes(right.text, "SQL alpha omega", "the right text");
  assert.equal(await left.text(), "alpha にほomega");
  await keyboard.send("Input.insertText", { text: "日本" });
  for (const pane of [left, right]) await becomes(pane.text, "SQL alpha 日本omega", "a text");
  assert.equal(await left.area.evaluate((element) => element.selectionStart), 12);
  await becomes(() => row("body::text", "composed"), "SQL alpha 日本omega", "the row");
  assert.deepEqual(errors, []);
});

test("an edit that the policies do not allow is taken back and said so", limit, async (context) => {
  const { left, right } = await openPage(context, demo, await newDocument("denied", "as it was"));
  await demo.sql("CREATE POLICY denied ON note AS RESTRICTIVE FOR UPDATE USING (id <> 'denied')");
  context.after(() => demo.sql("DROP POLICY denied ON note"));
  await left.caret(0);
  await left.type("x");
  await left.root.getByRole("alert").filter({ hasText: "refused an edit of body" }).waitFor();
  for (const pane of [left, right]) await becomes(pane.text, "as it was", "a text");
  assert.equal(await row("body::text", "denied"), "as it was");
  await demo.sql("DROP POLICY denied ON note; CREATE POLICY denied ON note AS RESTRICTIVE FOR DELETE USING (true)");
  await left.type("y");
  await becomes(right.text, "yas it was", "the right text, allowed again");
});

test("a keystroke costs at most 200 bytes on the wire", limit, async (context) => {
  const { page, left, right, frames, errors } = await openPage(context, demo, await newDocument("cost", "x".repeat(20_000)));
  await left.caret(10_000);
  const costs = [];
  for (const letter of "a keystroke") {
    const before = frames.length;
    await page.keyboard.type(letter);
    await holds(async () => (await left.text()) === (await right.text()) && (await left.pending()) === 0, "both panes");
    const made = frames.slice(before);
    assert.ok(made.some(({ sent }) => sent), "a frame was sent");
    // The change up, its acknowledgement, and the change down to each pane.
    const up = made.filter(({ sent }) => sent).reduce((sum, { bytes }) => sum + bytes, 0);
    const down = Math.max(...made.filter(({ sent }) => !sent).map(({ bytes }) => bytes));
    costs.push({ up, down, all: made.reduce((sum, { bytes }) => sum + bytes, 0) });
    assert.ok(up <= 200 && down <= 200, `${up} bytes up, ${down} down`);
  }
  const shown = await left.editBytes();
  assert.ok(shown > 0 && shown <= 200, `the page says ${shown}`);
  context.diagnostic(`a keystroke in 20,000 characters: ${JSON.stringify(costs.at(-1))}, its own pane ${shown} bytes with framing and acknowledgement`);
  assert.deepEqual(errors, []);
});

test("edited offline on one side, merged when it is back", limit, async (context) => {
  const { left, right, errors } = await openPage(context, demo, await newDocument("offline", "common", '{"n": 1}', "{kept}"));
  await left.toggle();
  await left.state("offline");
  await left.caret(6);
  await left.type(" left");
  await left.addElement("from left");
  await left.setKey("left", "true");
  await right.caret(0);
  await right.type("right ");
  await right.root.getByRole("button", { name: "Remove kept" }).click();
  await becomes(() => row("body::text", "offline"), "right common", "the row while the left is offline");
  assert.equal(await left.text(), "common left");
  await becomes(left.pending, 7, "what waits");
  await left.toggle();
  for (const pane of [left, right]) {
    await becomes(pane.text, "right common left", "a text");
    await becomes(pane.set, ["from left"], "a set");
    await becomes(pane.map, { left: "true", n: "1" }, "a map");
  }
  await becomes(left.pending, 0, "what is to be acknowledged");
  await becomes(() => row("body::text || ' ' || tags::text[]::text", "offline"), 'right common left {"from left"}', "the row");
  assert.deepEqual(errors, []);
});

/** Closes a page like a user who has stopped typing: when all is saved. */
async function leave({ page, left, right }) {
  for (const pane of [left, right]) await pane.kept();
  await page.close();
}

/** A browser profile: what its pages keep, its later pages find. */
async function profile(context) {
  const browser = await demo.browser.newContext();
  context.after(() => browser.close());
  return { browser, keep: "kept" };
}

const both = "body::text || ' ' || (props::jsonb)::text";
const changes = (key) => demo.sql(`SELECT count(*) FROM converge.change JOIN converge.document USING (tenant, document) WHERE key = '${key}' AND principal <> ''`);

test("edited offline, closed, reopened: the edits arrive once", limit, async (context) => {
  const kept = await profile(context);
  const name = await newDocument("closed", "common");
  const first = await openPage(context, demo, name, demo.tokens.acme, kept);
  await first.left.toggle();
  await first.left.state("offline");
  await first.left.caret(6);
  await first.left.type(" offline");
  await first.left.setKey("n", "1");
  await becomes(first.left.pending, 9, "what waits");
  await leave(first);
  assert.equal(await row(both, "closed"), "common {}");
  assert.deepEqual(first.errors, []);

  const again = await openPage(context, demo, name, demo.tokens.acme, kept);
  for (const pane of [again.left, again.right]) await becomes(pane.text, "common offline", "a text");
  await becomes(() => row(both, "closed"), 'common offline {"n": 1}', "the row");
  await becomes(again.left.pending, 0, "what is to be acknowledged");
  assert.equal(await changes("closed"), "9");
  assert.deepEqual(again.errors, []);
});

test("two tabs offline, one reopened: both tabs' edits arrive once", limit, async (context) => {
  const kept = await profile(context);
  const name = await newDocument("tabs");
  const tabs = [await openPage(context, demo, name, demo.tokens.acme, kept), await openPage(context, demo, name, demo.tokens.acme, kept)];
  for (const [i, { left, right }] of tabs.entries()) {
    for (const [pane, letter] of [[left, "l"], [right, "r"]]) {
      await pane.toggle();
      await pane.state("offline");
      await pane.caret(0);
      await pane.type(`${letter}${i}`);
    }
  }
  for (const tab of tabs) await leave(tab);
  assert.equal(await row(both, "tabs"), " {}");

  const { left, right, errors } = await openPage(context, demo, name, demo.tokens.acme, kept);
  const parts = async (text) => [...(await text()).matchAll(/[lr]\d/g)].map(([part]) => part).sort();
  await becomes(() => parts(left.text), ["l0", "l1", "r0", "r1"], "the left text");
  await becomes(() => parts(right.text), ["l0", "l1", "r0", "r1"], "the right text");
  await becomes(async () => (await row(both, "tabs")).length, "l0l1r0r1 {}".length, "the row's length");
  assert.equal(await changes("tabs"), "8");
  assert.deepEqual(errors, []);
});

test("another tenant's token opens another document of the same name", limit, async (context) => {
  await newDocument("ours", "only for acme");
  await demo.sql("INSERT INTO note (tenant, id, body) VALUES ('globex', 'ours', converge.new_text('globex own'))");
  const { page, left } = await openPage(context, demo, "note/ours", demo.tokens.globex);
  assert.equal(await left.text(), "globex own");
  assert.match(await page.locator("#identity").textContent(), /globex/);
});

test("the token leaves the address bar; a forged one is asked for again", limit, async (context) => {
  const { page } = await openPage(context, demo, "note/welcome");
  assert.equal(new URL(page.url()).hash, "");
  await page.reload();
  await page.locator('.pane[data-state="live"]').nth(1).waitFor();
  const stranger = await demo.browser.newPage();
  stranger.setDefaultTimeout(60_000);
  context.after(() => stranger.close());
  await stranger.goto(`${demo.page}#token=${demo.tokens.acme.slice(0, -4)}AAAA`);
  await stranger.getByText("The server refused").waitFor();
  await stranger.getByLabel("Token").fill(demo.tokens.acme);
  await stranger.getByRole("button", { name: "Open" }).click();
  await stranger.locator('.pane[data-state="live"]').nth(1).waitFor();
});
