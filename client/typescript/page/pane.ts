// One pane: a client with a connection and replicas of its own, and the fields
// of one document.
import { Client, ConvergeError, FieldType, bindTextarea, type CoreModule, type Document, type DocumentStorage } from "../src/index.ts";
import { bindMap } from "./map_editor.ts";
import { bindPresence } from "./presence.ts";
import { bindSet } from "./set_editor.ts";

export interface PaneOptions {
  title: string;
  url: string;
  token: string;
  collection: string;
  key: string;
  core: CoreModule;
  storage: DocumentStorage | undefined;
}

export interface Pane {
  identity: { tenant: string; principal: string };
  /** the name of the text that the pane shows */
  textField: string | undefined;
  /** the name of the Yjs document, which the pane passes by */
  yjsField: string | undefined;
}

const states: Record<string, string> = {
  live: "live",
  connecting: "connecting",
  waiting: "no connection, trying again",
  offline: "offline",
  refused: "refused",
};

/** Adds a pane to `parent`; resolves when the document is open, or was refused. */
export async function openPane(template: HTMLTemplateElement, parent: HTMLElement, options: PaneOptions): Promise<Pane | { failure: ConvergeError }> {
  const pane = (template.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
  const part = <T extends HTMLElement>(name: string) => pane.querySelector<T>(name)!;
  part(".pane-name").textContent = options.title;
  pane.setAttribute("aria-label", options.title);
  parent.append(pane);

  const client = new Client({ url: options.url, token: options.token, core: options.core, name: `page (${options.title})`, ...(options.storage && { storage: options.storage }) });
  let document: Document | undefined;

  const showState = () => {
    const state = document?.state === "refused" ? "refused" : client.state === "online" ? (document?.state === "live" ? "live" : "connecting") : client.state;
    pane.dataset["state"] = state;
    const text = states[state] ?? state;
    if (part(".state").textContent !== text) part(".state").textContent = text;
  };
  const notice = (text: string) => {
    part(".notice").textContent = text;
    part(".notice").hidden = text === "";
  };
  const online = part<HTMLButtonElement>(".switch");
  online.addEventListener("click", () => {
    const now = online.getAttribute("aria-checked") !== "true";
    online.setAttribute("aria-checked", String(now));
    if (now) client.connect();
    else client.disconnect();
  });
  client.on("state", showState);
  showState();

  // A refused connection opens nothing, ever.
  const refused = new Promise<never>((_, reject) => client.on("problem", (error) => client.state === "offline" && reject(error)));
  refused.catch(() => {});
  let identity: Pane["identity"];
  try {
    document = await Promise.race([client.open(options.collection, options.key), refused]);
    // A document that was kept is open before the server knows who asks.
    identity = client.identity ?? (await Promise.race([client.once("identity"), refused]));
  } catch (error) {
    client.close();
    pane.dataset["state"] = "refused";
    if (error instanceof ConvergeError) return { failure: error };
    throw error;
  }
  const opened = document;
  opened.on("state", () => {
    showState();
    if (opened.failure) notice(`The server does not give this document any more: ${opened.failure.message}.`);
  });
  opened.on("refused", ({ error, fields }) => notice(`The server refused an edit of ${fields.join(", ")}: ${error.message}. It was taken back.`));
  opened.on("deleted", () => notice("The row was deleted."));
  client.on("problem", (error) => {
    if (client.state === "offline") notice(`${error.message}.`);
  });

  const textField = bindFields(pane, opened);
  const area = textField === undefined ? undefined : part<HTMLTextAreaElement>("textarea");
  bindPresence(pane, opened, options.title, area && textField !== undefined ? { field: textField, area } : undefined);
  countWire(pane, client, opened);
  if (options.storage) showKept(pane, opened);
  showState();
  const yjsField = opened.fields.find(({ type }) => type === FieldType.ydoc)?.field;
  return { identity, textField, yjsField };
}

/** Shows the first text, map and set that the document has. Returns the text's name. */
function bindFields(pane: HTMLElement, document: Document): string | undefined {
  const place = (type: FieldType, selector: string): { name: string; element: HTMLElement } | undefined => {
    const info = document.fields.find((field) => field.type === type);
    if (info === undefined) return undefined;
    const element = pane.querySelector<HTMLElement>(selector)!;
    element.hidden = false;
    element.querySelector(".field-name")!.textContent = info.field;
    if (element.getAttribute("role") === "group") element.setAttribute("aria-label", info.field);
    return { name: info.field, element };
  };
  const text = place(FieldType.crdt_text, ".text-field");
  if (text) {
    const area = text.element.querySelector("textarea")!;
    bindTextarea(area, document, text.name);
    document.on("change", ({ origin, fields }) => {
      if (origin !== "local" && fields.includes(text.name)) flash(area);
    });
  }
  const map = place(FieldType.lww_map, ".map-field");
  if (map) bindMap(map.element, document, map.name);
  const set = place(FieldType.or_set, ".set-field");
  if (set) bindSet(set.element, document, set.name);
  return text?.name;
}

/** `data-kept` says whether every edit made so far outlives the page. */
function showKept(pane: HTMLElement, document: Document): void {
  let edits = 0;
  const keep = () => {
    const edit = ++edits;
    pane.dataset["kept"] = "false";
    void document.kept().then(() => edit === edits && (pane.dataset["kept"] = "true"));
  };
  document.on("change", keep);
  keep();
}

/** Lets an element show for a moment that somebody else changed it. */
export function flash(element: HTMLElement): void {
  element.classList.remove("came");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("came");
}

/** Shows what travels. An edit's cost is all that went either way from the edit
 * to its acknowledgement. */
function countWire(pane: HTMLElement, client: Client, document: Document): void {
  const show = (name: string, value: number, text: string) => {
    const element = pane.querySelector<HTMLElement>(name)!;
    element.textContent = text;
    element.dataset["value"] = String(value);
  };
  const total = () => client.wire.sentBytes + client.wire.receivedBytes;
  let before = total();
  let edits = 0;
  const totals = () => {
    show(".wire-sent", client.wire.sentBytes, bytes(client.wire.sentBytes));
    show(".wire-received", client.wire.receivedBytes, bytes(client.wire.receivedBytes));
    show(".wire-pending", document.pending, String(document.pending));
  };
  document.on("change", ({ origin }) => {
    if (origin === "local" && ++edits === 1) before = total();
    totals();
  });
  document.on("pending", (pending) => {
    if (pending === 0 && edits > 0) {
      const each = Math.round((total() - before) / edits);
      show(".wire-edit", each, bytes(each));
      edits = 0;
    }
    totals();
  });
  client.on("state", () => {
    edits = 0;
    totals();
  });
  totals();
}

function bytes(count: number): string {
  return count < 10_000 ? `${count} B` : `${(count / 1000).toFixed(1)} kB`;
}
