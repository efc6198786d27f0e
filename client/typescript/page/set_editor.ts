// A set as chips.
import type { Document } from "../src/index.ts";
import { flash } from "./pane.ts";

/** Shows the set `field` in `parent` and lets it be edited. */
export function bindSet(parent: HTMLElement, document: Document, field: string): void {
  const set = document.set(field);
  const list = parent.querySelector<HTMLElement>(".chips")!;
  const form = parent.querySelector<HTMLFormElement>(".set-add")!;
  const input = form.querySelector<HTMLInputElement>(".set-element")!;
  const chips = new Map<string, HTMLElement>();

  const make = (element: string) => {
    const chip = window.document.createElement("li");
    const name = window.document.createElement("span");
    name.textContent = element;
    const remove = window.document.createElement("button");
    remove.type = "button";
    remove.className = "remove";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", `Remove ${element}`);
    remove.addEventListener("click", () => {
      set.remove(element);
      input.focus();
    });
    chip.append(name, remove);
    return chip;
  };

  const show = (remote: boolean) => {
    for (const [element, chip] of chips) {
      if (set.has(element)) continue;
      chip.remove();
      chips.delete(element);
    }
    let place: Element | null = list.firstElementChild;
    for (const element of set.values()) {
      let chip = chips.get(element);
      const came = chip === undefined;
      if (chip === undefined) chips.set(element, (chip = make(element)));
      if (chip === place) place = place.nextElementSibling;
      else list.insertBefore(chip, place);
      if (came && remote) flash(chip);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    set.add(input.value);
    form.reset();
  });
  document.on("change", ({ origin, fields }) => {
    if (fields.includes(field)) show(origin !== "local");
  });
  show(false);
}
