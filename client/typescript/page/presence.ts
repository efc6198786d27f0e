// Who else is at the document: a chip for each, and in the text where they are.
import { moveCaret, type Document, type Json, type Peer } from "../src/index.ts";

interface Selection {
  from: number;
  to: number;
}

const hues = 12;
const tellAfterMs = 200;

/** A peer's colour, the same in every pane: by its number. */
const hue = ({ peer }: Peer) => (peer % hues) * (360 / hues);

/** Shows this pane to the others under `name`, with its selection in `area`, and
 * the others in the pane. */
export function bindPresence(pane: HTMLElement, document: Document, name: string, text: { field: string; area: HTMLTextAreaElement } | undefined): void {
  const list = pane.querySelector<HTMLElement>(".present")!;
  document.presence.set({ name });
  const showPeers = () => {
    const present = document.presence.peers.filter(({ field }) => field === "");
    list.replaceChildren(
      ...present.map((peer) => {
        const chip = window.document.createElement("li");
        chip.textContent = nameOf(peer);
        chip.title = peer.principal;
        chip.style.setProperty("--hue", String(hue(peer)));
        return chip;
      }),
    );
    list.hidden = present.length === 0;
  };
  document.presence.on("change", showPeers);
  showPeers();
  if (text) bindSelections(document, text.field, text.area);
}

function nameOf({ state, principal }: Peer): string {
  const name = isObject(state) ? state["name"] : undefined;
  return typeof name === "string" && name !== "" ? name.slice(0, 40) : principal;
}

const isObject = (value: Json): value is { [key: string]: Json } => typeof value === "object" && value !== null && !Array.isArray(value);

/** Draws the others' selections behind the text, and tells them this one. */
function bindSelections(document: Document, field: string, area: HTMLTextAreaElement): void {
  const layer = window.document.createElement("div");
  layer.className = "selections";
  layer.setAttribute("aria-hidden", "true");
  area.before(layer);

  // Not at each keystroke: while somebody types, the text itself shows where.
  let pause: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      const here = window.document.activeElement === area;
      document.presence.set(here ? { from: area.selectionStart, to: area.selectionEnd } : undefined, field);
    }, tellAfterMs);
  };
  for (const event of ["focus", "blur", "input"]) area.addEventListener(event, tell);
  window.document.addEventListener("selectionchange", tell);

  // A selection is one of the text as its owner had it; from then on it moves
  // with the edits that are made.
  let shown = new Map<number, Selection & { peer: Peer }>();
  const draw = () => {
    layer.replaceChildren(...[...shown.values()].map(({ peer, from, to }) => markOf(peer, area.value, from, to)));
    for (const child of layer.children) (child as HTMLElement).style.transform = `translateY(${-area.scrollTop}px)`;
  };
  document.presence.on("change", (peers) => {
    const before = shown;
    shown = new Map();
    for (const peer of peers) {
      if (peer.field !== field || !isObject(peer.state)) continue;
      const { from, to } = peer.state;
      if (typeof from !== "number" || typeof to !== "number") continue;
      const known = before.get(peer.peer);
      shown.set(peer.peer, known?.peer.state === peer.state ? known : { peer, from, to });
    }
    draw();
  });
  document.on("change", ({ splices }) => {
    for (const splice of splices.get(field) ?? []) {
      for (const selection of shown.values()) {
        selection.from = moveCaret(selection.from, splice);
        selection.to = moveCaret(selection.to, splice);
      }
    }
    if (shown.size > 0) requestAnimationFrame(draw); // after the area has the text
  });
  area.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(area);
}

/** The text up to the selection's end, invisible, so that the mark is where the
 * area has it: the layer has the area's font, width and padding. */
function markOf(peer: Peer, text: string, from: number, to: number): HTMLElement {
  const line = window.document.createElement("div");
  const mark = window.document.createElement("span");
  mark.className = "selection";
  mark.style.setProperty("--hue", String(hue(peer)));
  mark.textContent = text.slice(Math.min(from, to), Math.max(from, to));
  line.append(text.slice(0, Math.min(from, to)), mark, text.slice(Math.max(from, to)));
  return line;
}
