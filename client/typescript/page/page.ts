// The page that the bridge serves: two panes, each a client of its own.
import { CoreModule, IndexedDbStorage } from "../src/index.ts";
import { openPane } from "./pane.ts";
import { hasSqlBox, openSqlBox } from "./sql_box.ts";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const defaultDocument = "note/welcome";

interface Choice {
  token: string;
  /** COLLECTION/KEY */
  document: string;
  /** the IndexedDB database in which documents and unsent edits outlive the page */
  keep?: string | undefined;
}

/** What the address's fragment asks for (`#token=…&document=note/welcome&keep=mine`), or
 * what this tab was opened with before. The fragment never leaves the browser;
 * it is taken out of the address bar so that nobody passes a token on by
 * copying the address. */
function choice(): Choice | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token !== null) {
    sessionStorage.setItem("token", token);
    sessionStorage.setItem("document", fragment.get("document") ?? defaultDocument);
    const keep = fragment.get("keep");
    if (keep === null) sessionStorage.removeItem("keep");
    else sessionStorage.setItem("keep", keep);
    history.replaceState(null, "", location.pathname);
  }
  const kept = sessionStorage.getItem("token");
  return kept === null ? undefined : {
    token: kept,
    document: sessionStorage.getItem("document") ?? defaultDocument,
    keep: sessionStorage.getItem("keep") ?? undefined,
  };
}

/** Asks for a token; `reason` says what was wrong with the one before. */
function ask(before: string, reason?: string): Promise<Choice> {
  const form = element<HTMLFormElement>("token-form");
  const name = element<HTMLInputElement>("document-name");
  name.value = before;
  if (reason !== undefined) element("token-reason").textContent = reason;
  form.hidden = false;
  element("token").focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.hidden = true;
      const given = { token: element<HTMLInputElement>("token").value.trim(), document: name.value };
      sessionStorage.setItem("token", given.token);
      sessionStorage.setItem("document", given.document);
      resolve(given);
    }, { once: true });
  });
}

/** The Yjs editors are a bundle of their own, several times the page's size. */
async function loadEditors(): Promise<typeof import("./yjs/editors.ts")> {
  return (await import(new URL("yjs.js", import.meta.url).href)) as typeof import("./yjs/editors.ts");
}

async function start(): Promise<void> {
  // A link opened in a tab that shows the page already changes the fragment only.
  addEventListener("hashchange", () => {
    if (new URLSearchParams(location.hash.slice(1)).has("token")) location.reload();
  });
  const { token, document: name, keep } = choice() ?? (await ask(defaultDocument));
  const slash = name.indexOf("/");
  const [collection, key] = [name.slice(0, slash), name.slice(slash + 1)];
  const url = new URL("sync", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = url.search = "";

  element("row").hidden = false;
  element("document").textContent = name;
  const core = await CoreModule.load(new URL("converge.wasm", import.meta.url));
  const storage = keep === undefined ? undefined : new IndexedDbStorage(keep);
  const panes = await Promise.all(
    ["Left", "Right"].map((title) => openPane(element<HTMLTemplateElement>("pane"), element("panes"), { title, url: url.href, token, collection, key, core, storage })),
  );
  const [first] = panes;
  if (first === undefined || "failure" in first) {
    sessionStorage.removeItem("token");
    element("panes").replaceChildren();
    element("row").hidden = true;
    await ask(name, first ? `The server refused: ${first.failure.message}. Another token, or another document, may do.` : undefined);
    location.reload();
    return;
  }
  element("identity").textContent = `${first.identity.principal} of ${first.identity.tenant}`;
  const edits: string[] = [];
  if (first.textField !== undefined) edits.push(`${first.textField} = converge.insert(${first.textField}, 0, 'Hello from SQL. ')`);
  if (first.yjsField !== undefined) {
    const { openEditors, codeRoot } = await loadEditors();
    element("yjs").hidden = false;
    url.pathname = url.pathname.replace(/sync$/, "yjs");
    openEditors(element("yjs"), { url: url.href, token, collection, key, field: first.yjsField, principal: first.identity.principal });
    edits.push(`${first.yjsField} = converge.yjs_insert(${first.yjsField}, '${codeRoot}', 0, 'Hello from SQL. ')`);
  }
  element("hint").hidden = false;
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  // As the demo names its columns.
  const where = ` WHERE tenant = ${quoted(first.identity.tenant)} AND id = ${quoted(key)};`;
  const update = `UPDATE ${collection} SET ${edits.join(",\n    ")}\n${where}`;
  if (await hasSqlBox()) {
    const sql = new URL("sql", location.href);
    sql.hash = sql.search = "";
    openSqlBox(element("sql-box"), { url: sql.href, token, statement: edits.length > 0 ? update : `SELECT * FROM ${collection}\n${where}` });
  } else if (edits.length > 0) {
    element("sql").textContent = update;
    element("psql").hidden = false;
  }
}

start().catch((error: unknown) => {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = `The page cannot start: ${error instanceof Error ? error.message : String(error)}`;
  document.body.append(notice);
});
