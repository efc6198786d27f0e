// What a document holds, to be compared.
import * as Y from 'yjs';
import { roots } from './edits.mjs';

// What differs in the ydoc's JSON on purpose: bytes are base64, a subdocument is
// its guid. Names are sorted.
function plain(value) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Y.Doc) return { guid: value.guid };
  if (value instanceof Y.Map) return plain(Object.fromEntries(value.entries()));
  if (value instanceof Y.Array) return plain(value.toArray());
  if (value instanceof Y.AbstractType) return value.toJSON();
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (Array.isArray(value)) return value.map((item) => item === undefined ? null : plain(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.keys(value).sort().filter((key) => value[key] !== undefined).map((key) => [key, plain(value[key])]));
}

export function jsonOf(doc) {
  const json = Object.fromEntries(roots(doc).map((type, i) => [['text', 'map', 'array', 'xml'][i], plain(type)]));
  for (const name of Object.keys(json)) if (json[name].length === 0 || Object.keys(json[name]).length === 0) delete json[name];
  return json;
}

// Marks, embeds, attributes, all the way down.
function deep(type) {
  if (type instanceof Y.Text) return type.toDelta().map((op) => ({ ...op, insert: op.insert instanceof Y.AbstractType ? deep(op.insert) : op.insert }));
  if (type instanceof Y.XmlHook) return { hook: type.hookName, entries: [...type.entries()].map(([key, child]) => [key, deep(child)]).sort() };
  if (type instanceof Y.Map) return Object.fromEntries([...type.entries()].map(([key, child]) => [key, deep(child)]));
  if (type instanceof Y.XmlElement) return { name: type.nodeName, attributes: type.getAttributes(), children: type.toArray().map(deep) };
  if (type instanceof Y.XmlFragment || type instanceof Y.Array) return type.toArray().map(deep);
  return type instanceof Y.Doc ? type.guid : type;
}
export const deepOf = (doc) => roots(doc).map(deep);

export function withoutEmpty(json) {
  return Object.fromEntries(Object.entries(json).filter(([, v]) => v.length !== 0 && Object.keys(v).length !== 0));
}
