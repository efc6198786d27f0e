// Random edits of every shared type.
import * as Y from 'yjs';

export const pieces = ['a', 'b', 'xyz', 'é', '漢字', '😀', '😀😁', 'q😂r', 'a longer piece of text'];
const keys = ['title', 'size', 'kind', 'Ключ', '😀', 'a-b'];

function value(rng, depth = 0) {
  const number = () => rng.pick([0, -0, 1, -1, 63, 64, -64, 127, 8191, -8192, 2147483647, 2147483648, -2147483648,
    0.5, 0.1, 1e21, 1e-7, 123456.789, 4294967296, Number.MAX_SAFE_INTEGER, -1e300, 5e-324]);
  switch (rng.below(depth < 3 ? 11 : 8)) {
    case 0: return null;
    case 1: return rng.chance(2);
    case 2: return undefined;
    case 3: return new Uint8Array([1, 2, rng.below(256)]);
    case 4: return depth > 0 ? BigInt(rng.next()) : rng.next();
    case 5: case 6: return number();
    case 7: return rng.pick(pieces) + '"\\\n\u0001';
    case 8: return Array.from({ length: rng.below(4) }, () => value(rng, depth + 1));
    default: return Object.fromEntries(Array.from({ length: rng.below(4) }, () => [rng.pick(keys) + rng.below(3), value(rng, depth + 1)]));
  }
}

// A value that JSON keeps, for marks and embeds.
export const jsonValue = (rng) => JSON.parse(JSON.stringify(value(rng), (_, v) => typeof v === 'bigint' ? Number(v) : v) ?? 'null');

// A root that holds nothing but XML types is read as XML.
function newType(rng, parent) {
  switch (rng.below(parent.parent === null ? 3 : 8)) {
    case 0: return new Y.Map([[rng.pick(keys), value(rng)]]);
    case 1: return Y.Array.from([value(rng) ?? null, value(rng) ?? null]);
    case 2: return new Y.Text(rng.pick(pieces));
    case 3: return new Y.XmlElement(rng.pick(['p', 'DIV', 'blockquote']));
    case 4: return new Y.XmlText(rng.pick(pieces));
    case 5: return new Y.XmlFragment();
    case 6: return new Y.XmlHook(rng.pick(['widget', 'Ключ']));
    default: return new Y.Doc({ guid: `guid-${rng.below(100)}` });
  }
}

// Types of the document that are alive, a random way down.
function descend(root, rng) {
  let type = root;
  for (let i = 0; i < 4; ++i) {
    let children;
    if (type instanceof Y.Map) children = [...type.values()];
    else if (type instanceof Y.XmlText || type instanceof Y.Text) children = [];
    else if (type instanceof Y.XmlFragment || type instanceof Y.Array) children = type.toArray();
    children = children.filter((child) => child instanceof Y.AbstractType);
    if (children.length === 0 || rng.chance(3)) return type;
    type = rng.pick(children);
  }
  return type;
}

function editText(text, rng) {
  const length = text.length;
  const at = rng.chance(2) ? rng.below(length + 1) : Math.min(length, rng.below(6));
  // As XML, Yjs gives each character of a string an attribute.
  const marks = [true, null, { href: 'x', b: 1 }, text instanceof Y.XmlText ? 5 : '#fff'];
  const mark = () => ({ [rng.pick(['bold', 'link', 'color'])]: rng.pick(marks) });
  const kind = rng.below(10);
  if (kind < 3 && length > at) text.delete(at, Math.min(length - at, 1 + rng.below(6)));
  else if (kind === 3 && length > at) {
    // Not from or to the middle of a surrogate pair: Yjs cuts it for itself alone
    // where the mark turns out to change nothing.
    const chars = text.toDelta().map((op) => (typeof op.insert === 'string' ? op.insert : '*')).join('');
    const low = (i) => chars.charCodeAt(i) >> 10 === 0x37;
    const end = at + Math.min(length - at, 1 + rng.below(8));
    if (!low(at) && !low(end)) text.format(at, end - at, mark());
  }
  else if (kind === 4) text.insertEmbed(at, { embed: jsonValue(rng) });
  else if (kind === 5) text.insert(at, rng.pick(pieces), mark());
  else text.insert(at, rng.pick(pieces));
}

function editArray(array, rng) {
  const length = array.length;
  const at = rng.below(length + 1);
  const kind = rng.below(8);
  if (kind < 2 && length > at) array.delete(at, Math.min(length - at, 1 + rng.below(3)));
  else if (kind === 2) array.insert(at, [newType(rng, array)]);
  else if (kind === 3) array.push([value(rng) ?? null]);
  else array.insert(at, Array.from({ length: 1 + rng.below(3) }, () => value(rng) ?? null));
}

function editMap(map, rng) {
  const key = rng.pick(keys);
  const kind = rng.below(6);
  if (kind === 0) map.delete(key);
  else if (kind === 1) map.set(key, newType(rng, map));
  else map.set(key, value(rng));
}

function editXml(xml, rng) {
  const length = xml.length;
  const at = rng.below(length + 1);
  const kind = rng.below(8);
  if (kind === 0 && length > at) xml.delete(at, Math.min(length - at, 1 + rng.below(2)));
  else if (kind < 4 && xml instanceof Y.XmlElement) {
    if (rng.chance(4)) xml.removeAttribute('class');
    else xml.setAttribute(rng.pick(['class', 'id', 'level']), rng.chance(2) ? rng.pick(pieces) : rng.below(9));
  } else if (kind === 4) {
    const element = new Y.XmlElement('nested');
    element.insert(0, [new Y.XmlText('inside')]);
    xml.insert(at, [element]);
  } else if (kind === 5) xml.insert(at, [new Y.XmlHook('widget')]);
  else xml.insert(at, [rng.chance(2) ? new Y.XmlElement(rng.pick(['p', 'H1'])) : new Y.XmlText(rng.pick(pieces))]);
}

export const roots = (doc) => [doc.getText('text'), doc.getMap('map'), doc.getArray('array'), doc.getXmlFragment('xml')];

export function edit(doc, rng) {
  const type = descend(rng.pick(roots(doc)), rng);
  doc.transact(() => {
    for (let i = rng.chance(5) ? 3 : 1; i > 0; --i) {
      if (type instanceof Y.Text) editText(type, rng);
      else if (type instanceof Y.Array) editArray(type, rng);
      else if (type instanceof Y.Map) editMap(type, rng);
      else editXml(type, rng);
    }
  }, 'edit');
}
