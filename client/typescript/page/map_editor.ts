// A map as rows of key and value.
import type { Document, Json } from "../src/index.ts";
import { flash } from "./pane.ts";

/** Shows the map `field` in `parent` and lets it be edited. */
export function bindMap(parent: HTMLElement, document: Document, field: string): void {
  const map = document.map(field);
  const rows = parent.querySelector<HTMLElement>(".map-rows")!;
  const byKey = new Map<string, { row: HTMLElement; input: HTMLInputElement }>();

  const make = (key: string) => {
    const row = element("div", "map-row");
    const name = element("span", "map-name");
    name.textContent = name.title = key;
    const input = element("input", "map-value");
    input.setAttribute("aria-label", `Value of ${key}`);
    const remove = element("button", "remove");
    remove.type = "button";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", `Unset ${key}`);
    input.addEventListener("change", () => {
      if (!map.has(key) || input.value !== shown(map.get(key)!)) map.set(key, meant(input.value));
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") input.blur();
    });
    // What came while it was being edited is shown when it was left.
    input.addEventListener("blur", () => show(false));
    remove.addEventListener("click", () => map.unset(key));
    row.append(name, input, remove);
    return { row, input };
  };

  const show = (remote: boolean) => {
    for (const [key, { row }] of byKey) {
      if (map.has(key)) continue;
      row.remove();
      byKey.delete(key);
    }
    let place: Element | null = rows.firstElementChild;
    for (const [key, value] of map.entries()) {
      let entry = byKey.get(key);
      if (entry === undefined) byKey.set(key, (entry = make(key)));
      if (entry.row === place) place = place.nextElementSibling;
      else rows.insertBefore(entry.row, place);
      const { input } = entry;
      const text = shown(value);
      if (input.value === text || input === input.ownerDocument.activeElement) continue;
      input.value = text;
      if (remote) flash(input);
    }
  };

  const form = parent.querySelector<HTMLFormElement>(".map-add")!;
  const key = form.querySelector<HTMLInputElement>(".map-key")!;
  const value = form.querySelector<HTMLInputElement>(".map-value")!;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    map.set(key.value, meant(value.value));
    form.reset();
    key.focus();
  });
  document.on("change", ({ origin, fields }) => {
    if (fields.includes(field)) show(origin !== "local");
  });
  show(false);
}

/** A text is shown without quotes, anything else as JSON; a text that would
 * read as JSON keeps its quotes. */
function shown(value: Json): string {
  return typeof value === "string" && meant(value) === value ? value : JSON.stringify(value);
}

/** What somebody means who types `text`. */
function meant(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function element<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
