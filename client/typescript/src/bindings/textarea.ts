// A <textarea> that shows and edits a text field.
import type { Document } from "../document.ts";
import { moveCaret, spliceBetween, type Splice } from "../splice.ts";

const asShown = (text: string) => text.replace(/\r\n?/g, "\n");

/** Keeps `area` and the text field `field` of `document` the same, until the
 * returned function is called. The caret and the selection stay beside the text
 * they stood beside, and text that an input method is composing is left alone
 * until it is committed. */
export function bindTextarea(area: HTMLTextAreaElement, document: Document, field: string): () => void {
  const text = document.text(field);
  const stop = new AbortController();
  let composing = false;
  // What the area held when both were last the same. A textarea shows CRLF and
  // CR as LF; the field keeps them.
  let shown = "";
  // Splices that came while composing.
  let held: Splice[] = [];

  const show = () => {
    area.value = text.value;
    shown = area.value;
  };

  /** Writes what the user typed into the field. */
  const take = () => {
    const splice = spliceBetween(shown, area.value, area.selectionEnd);
    if (splice === undefined) return;
    shown = area.value;
    const at = inField(splice.at);
    text.splice(at, inField(splice.at + splice.removed) - at, splice.inserted);
  };

  /** A position of the area as one of the field, where the two differ by CRs. */
  const inField = (at: number): number => {
    const { value } = text;
    if (!value.includes("\r")) return at;
    let field = 0;
    for (let area = 0; area < at; area++) field += value.startsWith("\r\n", field) ? 2 : 1;
    return field;
  };

  const apply = (splices: readonly Splice[]) => {
    const after = asShown(text.value);
    if (area.value === after) {
      shown = after;
      return;
    }
    // Where the two count differently, the splice is found anew.
    const moves = after === text.value ? splices : [spliceBetween(shown, after)!];
    let { selectionStart, selectionEnd } = area;
    const { selectionDirection, scrollTop } = area;
    for (const splice of moves) {
      selectionStart = moveCaret(selectionStart, splice);
      selectionEnd = moveCaret(selectionEnd, splice);
    }
    show();
    area.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
    area.scrollTop = scrollTop;
  };

  const options = { signal: stop.signal };
  area.addEventListener("compositionstart", () => (composing = true), options);
  area.addEventListener(
    "compositionend",
    () => {
      composing = false;
      settle();
    },
    options,
  );
  area.addEventListener(
    "input",
    () => {
      if (!composing) take();
    },
    options,
  );

  // The composed text is relative to `shown`, the held splices too: what was
  // typed moves by what came before it.
  const settle = () => {
    const typed = spliceBetween(shown, area.value, area.selectionEnd);
    const came = held;
    held = [];
    if (came.length === 0) {
      take();
      return;
    }
    let caret = area.selectionEnd;
    if (typed) {
      let start = typed.at;
      let end = typed.at + typed.removed;
      for (const splice of came) {
        start = moveCaret(start, splice);
        end = moveCaret(end, splice);
      }
      text.splice(start, end - start, typed.inserted);
      caret = start + typed.inserted.length;
    }
    show();
    area.setSelectionRange(caret, caret);
  };

  const off = document.on("change", ({ fields, splices }) => {
    if (!fields.includes(field)) return;
    const made = splices.get(field) ?? [];
    if (composing) held.push(...made);
    else apply(made);
  });
  show();
  return () => {
    stop.abort();
    off();
  };
}
