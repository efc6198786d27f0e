/** One edit of a text. Positions and lengths are in UTF-16 units, as in every
 * JavaScript string, and never cut a surrogate pair in two. */
export interface Splice {
  at: number;
  removed: number;
  inserted: string;
}

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** Whether `at` lies between the halves of a surrogate pair of `text`. */
export function cutsPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at));
}

/** The smallest single splice that makes `before` into `after`, undefined if
 * they are equal.
 *
 * Where it could lie in several places ("aa" into "aaa"), `end`, the position
 * in `after` where the inserted text ends (an editor's caret), decides if it
 * can; otherwise the splice lies as far right as possible. */
export function spliceBetween(before: string, after: string, end?: number): Splice | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  // Text after the caret is not what was typed: the common tail is found
  // first, but not beyond the caret.
  const tailLimit = end === undefined ? 0 : Math.min(shorter, Math.max(0, after.length - end));
  let tail = 0;
  while (tail < tailLimit && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail++;
  let head = 0;
  const headLimit = shorter - tail;
  while (head < headLimit && before.charCodeAt(head) === after.charCodeAt(head)) head++;
  while (tail < shorter - head && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail++;
  // Two characters can share half of their pairs: take whole ones.
  if (cutsPair(before, head) || cutsPair(after, head)) head--;
  if (cutsPair(before, before.length - tail) || cutsPair(after, after.length - tail)) tail--;
  return { at: head, removed: before.length - head - tail, inserted: after.slice(head, after.length - tail) };
}

/** Where a caret at `caret` belongs once another author's `splice` is made: it
 * stays beside the text it stood beside. Text inserted exactly at the caret
 * lands behind it. */
export function moveCaret(caret: number, splice: Splice): number {
  if (caret <= splice.at) return caret;
  if (caret >= splice.at + splice.removed) return caret + splice.inserted.length - splice.removed;
  return splice.at;
}
