// The page as its visitor sees it.
import assert from "node:assert/strict";

/** Opens the page on `document` and waits until both panes are live. Fails the
 * test when the page reports an error or asks for something elsewhere. */
export async function openPage(context, demo, document, token = demo.tokens.acme, { browser = demo.browser, keep } = {}) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  page.setDefaultTimeout(60_000);
  context.after(() => page.close());
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== new URL(demo.page).origin) errors.push(`asks for ${url}`);
    if (url.search !== "") errors.push(`puts something into a query: ${url}`);
  });
  const frames = [];
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).search !== "") errors.push(`puts something into a query: ${socket.url()}`);
    if (!socket.url().endsWith("/sync")) return;  // the Yjs editors' own
    socket.on("framesent", ({ payload }) => frames.push({ sent: true, bytes: payload.length }));
    socket.on("framereceived", ({ payload }) => frames.push({ sent: false, bytes: payload.length }));
  });
  await page.goto(`${demo.page}#token=${token}&document=${encodeURIComponent(document)}${keep ? `&keep=${keep}` : ""}`);
  const [left, right] = ["Left", "Right"].map((title) => pane(page, title));
  await left.state("live");
  await right.state("live");
  return { page, left, right, frames, errors };
}

function pane(page, title) {
  const root = page.locator(`.pane[aria-label="${title}"]`);
  const area = root.locator("textarea");
  return {
    root,
    area,
    text: () => area.inputValue(),
    map: async () => Object.fromEntries(await root.locator(".map-row").evaluateAll((rows) => rows.map((row) => [row.querySelector(".map-name").textContent, row.querySelector("input").value]))),
    set: () => root.locator(".chips li span").allTextContents(),
    /** Who else is there, and what they have selected. */
    present: () => root.locator(".present li").allTextContents(),
    selections: () => root.locator(".selection").allTextContents(),
    state: (state) => root.and(page.locator(`[data-state="${state}"]`)).waitFor(),
    kept: () => root.and(page.locator('[data-kept="true"]')).waitFor(),
    /** Puts the caret at `at`. */
    caret: async (at) => {
      await area.focus();
      await area.evaluate((element, place) => element.setSelectionRange(place, place), at);
    },
    /** Types where the caret is. */
    type: async (text) => {
      await area.focus();
      await page.keyboard.type(text);
    },
    toggle: () => root.getByRole("switch").click(),
    setKey: async (key, value) => {
      await root.getByLabel("New key", { exact: true }).fill(key);
      await root.getByLabel("Value of the new key").fill(value);
      await root.getByRole("button", { name: "Set the key" }).click();
    },
    addElement: async (element) => {
      await root.getByLabel("New element").fill(element);
      await root.getByRole("button", { name: "Add", exact: true }).click();
    },
    pending: () => figure(root, ".wire-pending"),
    editBytes: () => figure(root, ".wire-edit"),
  };
}

async function figure(root, selector) {
  return Number(await root.locator(selector).getAttribute("data-value"));
}

/** Waits until `read` gives what deepEquals `expected`. */
export async function becomes(read, expected, what = "it") {
  let last;
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 25))) {
    last = await read();
    try {
      assert.deepEqual(last, expected);
      return;
    } catch {
      // not yet
    }
  }
  assert.deepEqual(last, expected, `${what} is not as expected after 60 s`);
}

/** Waits until `read` gives something true. */
export async function holds(read, what) {
  await becomes(async () => Boolean(await read()), true, what);
}
