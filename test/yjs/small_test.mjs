// A ydoc stands as real Yjs does: several Yjs clients edit every shared type at
// once, some with garbage collection, some undoing, now and then the ydoc itself.
// What they send, as updates v1 and v2, whole, in parts and as differences, comes
// to the ydoc in any order and some of it twice. In the end
//   - its JSON equals that of Yjs,
//   - its updates v1 and v2, whole and since some state, loaded by Yjs give the
//     same document, marks included,
//   - its state is canonical, and the same whatever the order was, and whether the
//     updates were applied, to the document or to its encoding, or states were
//     merged.
//
//   node documents_test.mjs DRIVER     YJS_OPERATIONS=N for more, YJS_SEED=N to replay
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as Y from 'yjs';
import { random, shuffle } from './random.mjs';

const wantedOperations = Number(process.env.YJS_OPERATIONS ?? 55_000);
const firstSeed = Number(process.env.YJS_SEED ?? 1);

// ---- the ydoc --------------------------------------------------------------

const process_ = spawn(process.argv[2], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
const hex = (bytes) => Buffer.from(bytes).toString('hex');

async function ask(...words) {
  process_.stdin.write(words.join(' ') + '\n');
  const { value, done } = await answers.next();
  if (done) throw new Error('the driver ended');
  if (value.startsWith('error')) throw new Error(value);
  return value.slice(value.indexOf(' ') + 1);
}
const askBytes = async (...words) => new Uint8Array(Buffer.from(await ask(...words), 'hex'));

// ---- random edits ----------------------------------------------------------

const pieces = ['a', 'b', 'xyz', 'é', '漢字', '😀', '😀😁', 'q😂r', 'a longer piece of text'];
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
const jsonValue = (rng) => JSON.parse(JSON.stringify(value(rng), (_, v) => typeof v === 'bigint' ? Number(v) : v) ?? 'null');

// A root that holds nothing but XML types is read as XML.
function newType(rng, parent) {
  switch (rng.below(parent.parent === null ? 3 : 7)) {
    case 0: return new Y.Map([[rng.pick(keys), value(rng)]]);
    case 1: return Y.Array.from([value(rng) ?? null, value(rng) ?? null]);
    case 2: return new Y.Text(rng.pick(pieces));
    case 3: return new Y.XmlElement(rng.pick(['p', 'DIV', 'blockquote']));
    case 4: return new Y.XmlText(rng.pick(pieces));
    case 5: return new Y.XmlFragment();
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
  } else xml.insert(at, [rng.chance(2) ? new Y.XmlElement(rng.pick(['p', 'H1'])) : new Y.XmlText(rng.pick(pieces))]);
}

const roots = (doc) => [doc.getText('text'), doc.getMap('map'), doc.getArray('array'), doc.getXmlFragment('xml')];

function edit(doc, rng) {
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

// ---- comparing -------------------------------------------------------------

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

function jsonOf(doc) {
  const json = Object.fromEntries(roots(doc).map((type, i) => [['text', 'map', 'array', 'xml'][i], plain(type)]));
  for (const name of Object.keys(json)) if (json[name].length === 0 || Object.keys(json[name]).length === 0) delete json[name];
  return json;
}

// Marks, embeds, attributes, all the way down.
function deep(type) {
  if (type instanceof Y.Text) return type.toDelta().map((op) => ({ ...op, insert: op.insert instanceof Y.AbstractType ? deep(op.insert) : op.insert }));
  if (type instanceof Y.Map) return Object.fromEntries([...type.entries()].map(([key, child]) => [key, deep(child)]));
  if (type instanceof Y.XmlElement) return { name: type.nodeName, attributes: type.getAttributes(), children: type.toArray().map(deep) };
  if (type instanceof Y.XmlFragment || type instanceof Y.Array) return type.toArray().map(deep);
  return type instanceof Y.Doc ? type.guid : type;
}
const deepOf = (doc) => roots(doc).map(deep);

function withoutEmpty(json) {
  return Object.fromEntries(Object.entries(json).filter(([, v]) => v.length !== 0 && Object.keys(v).length !== 0));
}

// ---- one case --------------------------------------------------------------

async function runCase(seed) {
  const rng = random(seed);
  const clients = 2 + rng.below(6);
  const operations = 20 + rng.below(60);
  // As a server hears them, one after another; else shuffled.
  const orderly = rng.chance(2);
  const updates = [];
  const docs = Array.from({ length: clients }, () => {
    const doc = new Y.Doc({ gc: rng.chance(2) });
    doc.clientID = rng.chance(4) ? rng.next() * 2 ** 21 : rng.next();
    doc.on('update', (update, origin) => { if (origin !== 'sync' && rng.chance(2)) updates.push([1, update]); else if (origin !== 'sync') updates.push([2, Y.convertUpdateFormatV1ToV2(update)]); });
    doc.undo = rng.chance(2) ? new Y.UndoManager(roots(doc), { captureTimeout: 0, trackedOrigins: new Set(['edit']) }) : null;
    return doc;
  });
  const sync = (to, from) => Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'sync');

  await ask('new');
  let own = 0;
  for (let i = 0; i < operations; ++i) {
    const doc = rng.pick(docs);
    if (doc.undo !== null && rng.chance(8)) { if (rng.chance(3)) doc.undo.redo(); else doc.undo.undo(); }
    else edit(doc, rng);
    if (rng.chance(6)) sync(rng.pick(docs), rng.pick(docs));
    if (rng.chance(20)) {
      // A difference between two clients, as an update.
      const vector = Y.encodeStateVector(rng.pick(docs));
      updates.push(rng.chance(2) ? [1, Y.encodeStateAsUpdate(doc, vector)] : [2, Y.encodeStateAsUpdateV2(doc, vector)]);
    }
    if (rng.chance(100)) {
      // The ydoc edits as a client of its own, from what it has.
      const update = rng.chance(2)
        ? await askBytes('insert', 7, 'text', 0, hex(Buffer.from(rng.pick(pieces))))
        : await askBytes('set', 7, 'map', 'title', hex(Buffer.from(JSON.stringify(jsonValue(rng)))));
      own += 1;
      for (const other of docs) Y.applyUpdate(other, update, 'sync');
    }
    if (orderly) {
      for (const [format, update] of updates.splice(0)) await ask('apply', format, hex(update));
    } else if (rng.chance(10)) {
      shuffle(updates, rng);
      const sent = updates.splice(0, rng.below(updates.length + 1));
      for (const [format, update] of sent) await ask('apply', format, hex(update));
      for (let n = rng.below(4); n > 0 && sent.length > 0; --n) updates.push(rng.pick(sent));
      if (rng.chance(2)) await ask('merge');
    }
  }
  // All that is left, merged by Yjs in part.
  shuffle(updates, rng);
  if (updates.length > 4) {
    const some = updates.splice(0, 3).map(([format, update]) => (format === 1 ? update : Y.convertUpdateFormatV2ToV1(update)));
    updates.push([1, Y.mergeUpdates(some)]);
  }
  for (const [format, update] of updates) await ask('apply', format, hex(update));
  await ask('merge');

  for (const doc of docs) sync(docs[0], doc);
  for (const doc of docs) sync(doc, docs[0]);
  const whole = [await askBytes('update', 1, ''), await askBytes('update', 2, '')];
  // Yjs takes out marks that have no effect when it sees them: these travel back.
  Y.applyUpdate(docs[0], whole[0], 'sync');
  await ask('apply', 2, hex(Y.encodeStateAsUpdateV2(docs[0])));

  const reference = jsonOf(docs[0]);
  assert.deepEqual(withoutEmpty(JSON.parse(await ask('json'))), reference, `seed ${seed}: the JSON differs`);
  const state = await ask('state');
  for (const format of [1, 2]) {
    const update = await askBytes('update', format, '');
    const loaded = new Y.Doc();
    (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(loaded, update);
    assert.equal(loaded.store.pendingStructs, null, `seed ${seed}: something is pending`);
    assert.deepEqual(jsonOf(loaded), reference, `seed ${seed}: v${format} gives another JSON`);
    assert.deepEqual(deepOf(loaded), deepOf(docs[0]), `seed ${seed}: v${format} gives another document`);
    // What a client lacks that has some of it.
    const behind = new Y.Doc();
    Y.applyUpdate(behind, Y.encodeStateAsUpdate(rng.pick(docs)));
    const lacking = new Y.Doc({ gc: false });
    const half = Y.decodeStateVector(Y.encodeStateVector(behind));
    const [some] = half.keys();
    if (some !== undefined) half.set(some, Math.floor(half.get(some) / 2));
    Y.applyUpdate(lacking, Y.encodeStateAsUpdate(behind));
    const part = await askBytes('update', format, hex(Y.encodeStateVector(half)));
    (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(lacking, part);
    assert.deepEqual(jsonOf(lacking), reference, `seed ${seed}: v${format} since a state gives another JSON`);
    // From Yjs alone, in another order, the same bytes.
    if (format === 2) {
      await ask('new');
      await ask('apply', 2, hex(Y.encodeStateAsUpdateV2(loaded)));
      assert.equal(await ask('state'), state, `seed ${seed}: another order gives other bytes`);
      assert.deepEqual(Y.decodeStateVector(await askBytes('vector')), Y.decodeStateVector(Y.encodeStateVector(docs[0])));
    }
  }
  return operations + own;
}

let operations = 0;
let cases = 0;
for (let seed = firstSeed; operations < wantedOperations; ++seed) {
  operations += await runCase(seed);
  ++cases;
}
const [quick, applied] = (await ask('tally')).split(' ').map(Number);
assert.ok(quick > applied / 5, `only ${quick} of ${applied} updates were applied to the encoded state`);
process_.stdin.end();
console.log(`${quick} of ${applied} updates were applied to the encoded state as well`);
console.log(`${operations} operations in ${cases} cases: the same documents as Yjs`);
process.exit(0);
