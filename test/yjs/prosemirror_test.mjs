// A ydoc serves y-prosemirror: several ProseMirror documents, each bound to a Yjs
// document of its own, are edited at random (text, marks with and without attributes,
// images, headings, splits and joins, nested quotes, deletions) and hear of each other
// through the ydoc alone. In the end all of them, and ones loaded from the ydoc's
// updates v1 and v2, are the same ProseMirror document, and the ydoc's XML is Yjs's.
//
//   node prosemirror_test.mjs DRIVER     PROSEMIRROR_STEPS=N for more, YJS_SEED=N to replay
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { random } from './random.mjs';
import { hex, openYdoc } from './ydoc_driver.mjs';

// The page's packages: y-prosemirror must meet the same Yjs as this file.
const require = createRequire(new URL('../../client/typescript/package.json', import.meta.url));
const Y = require('yjs');
const { schema } = require('prosemirror-schema-basic');
const { EditorState } = require('prosemirror-state');
const { canJoin, canSplit, findWrapping } = require('prosemirror-transform');
const { initProseMirrorDoc, updateYFragment, yXmlFragmentToProseMirrorRootNode } = require('y-prosemirror');

const wantedSteps = Number(process.env.PROSEMIRROR_STEPS ?? 4000);
const firstSeed = Number(process.env.YJS_SEED ?? 1);

const { ask, askBytes, end } = openYdoc(process.argv[2]);

const words = ['a', 'word ', 'é', '漢字', '😀', 'a longer piece of text. '];
const { strong, em, code, link } = schema.marks;
const { image, hard_break: hardBreak, heading, paragraph, blockquote, horizontal_rule: rule } = schema.nodes;

// A random transaction; some make no sense where they fall and change nothing.
function step(state, rng) {
  const { tr, doc } = state;
  const place = () => rng.below(doc.content.size + 1);
  // Not in the middle of a surrogate pair, which editors do not cut either.
  const whole = (position) => {
    const before = doc.resolve(position).nodeBefore?.text ?? '';
    return before.charCodeAt(before.length - 1) >> 10 === 0x36 ? position + 1 : position;
  };
  // Most edits are in text.
  const inText = () => {
    const places = [];
    doc.descendants((node, at) => { if (node.isTextblock) places.push([at + 1, node.content.size]); });
    const [at, size] = rng.pick(places);
    return whole(at + rng.below(size + 1));
  };
  const at = inText();
  const end = doc.resolve(at).end();
  const to = whole(Math.min(end, at + rng.below(8)));
  switch (rng.below(14)) {
    case 0: case 1: case 2: case 3: return tr.insertText(rng.pick(words), at);
    case 4: return tr.delete(at, to);
    case 5: return tr.addMark(at, to, rng.pick([strong, em]).create());
    case 6: return tr.addMark(at, to, link.create({ href: rng.pick(['https://a.example', 'b']), title: rng.chance(2) ? 'T' : null }));
    case 7: return tr.removeMark(at, to, rng.pick([strong, em, code, link]));
    case 8: return tr.insert(at, rng.chance(3) ? hardBreak.create() : image.create({ src: `${rng.below(9)}.png`, alt: null, title: 'x' }));
    case 9: return canSplit(doc, at) ? tr.split(at) : tr;
    case 10: return tr.setBlockType(at, to, rng.chance(2) ? paragraph : heading, rng.chance(2) ? { level: 1 + rng.below(3) } : null);
    case 11: {
      const range = doc.resolve(at).blockRange();
      const wrapping = range && range.depth < 4 && findWrapping(range, blockquote);
      return wrapping ? tr.wrap(range, wrapping) : tr;
    }
    case 12: {
      const join = place();
      return canJoin(doc, join) ? tr.join(join) : tr;
    }
    default: return rng.chance(2) ? tr.insert(doc.resolve(at).after(1), rule.create()) : tr.deleteRange(at, whole(Math.min(doc.content.size, at + rng.below(20))));
  }
}

const rootOf = (doc) => yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment('prosemirror'), schema);

// y-prosemirror takes out what a schema does not allow, as a change of its own: read
// until nothing more is taken out.
async function runCase(seed) {
  const rng = random(seed);
  await ask('new');
  const clients = Array.from({ length: 2 + rng.below(3) }, () => {
    const doc = new Y.Doc();
    doc.clientID = rng.next();
    const client = { doc, waiting: [] };
    doc.on('update', (update, origin) => { if (origin !== 'heard') client.waiting.push(update); });
    return client;
  });
  const send = async (client) => { for (const update of client.waiting.splice(0)) await ask('apply', 1, hex(update)); };
  const hear = async ({ doc }) => {
    const format = rng.chance(2) ? 1 : 2;
    (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(doc, await askBytes('update', format, hex(Y.encodeStateVector(doc))), 'heard');
  };
  clients[0].doc.transact(() => {
    const first = schema.node('doc', null, [paragraph.create(null, schema.text('Begin.'))]);
    updateYFragment(clients[0].doc, clients[0].doc.getXmlFragment('prosemirror'), first, { mapping: new Map(), isOMark: new Map() });
  });
  await send(clients[0]);
  for (const client of clients) await hear(client);

  const steps = 60 + rng.below(200);
  for (let i = 0; i < steps; ++i) {
    const client = rng.pick(clients);
    const fragment = client.doc.getXmlFragment('prosemirror');
    const { doc, meta } = initProseMirrorDoc(fragment, schema);
    // Concurrent deletions may leave nothing to write in.
    const whole = doc.childCount === 0 ? schema.node('doc', null, [paragraph.create()]) : doc;
    let has = false;
    whole.descendants((node) => { has ||= node.isTextblock; });
    let state = EditorState.create({ schema, doc: has ? whole : whole.copy(whole.content.addToEnd(paragraph.create())) });
    for (let n = 1 + rng.below(3); n > 0; --n) {
      let next;
      try {
        next = state.apply(step(state, rng));
      } catch (error) {
        if (!/TransformError|ReplaceError|RangeError/.test(error.name)) throw error;
        continue;  // it does not fit there
      }
      let text = false;
      next.doc.descendants((node) => { text ||= node.isTextblock; });
      if (text) state = next;
    }
    client.doc.transact(() => updateYFragment(client.doc, fragment, state.doc, meta), 'edit');
    if (rng.chance(3)) await send(client);
    if (rng.chance(4)) await hear(rng.pick(clients));
  }
  for (const client of clients) await send(client);
  // What reading takes out as not in the schema is said, too.
  for (let round = 0; round < 5; ++round) {
    for (const client of clients) {
      await hear(client);
      rootOf(client.doc);
      await send(client);
    }
  }
  for (const client of clients) await hear(client);

  const expected = rootOf(clients[0].doc).toJSON();
  for (const { doc } of clients) assert.deepEqual(rootOf(doc).toJSON(), expected, `seed ${seed}: clients differ`);
  for (const format of [1, 2]) {
    const loaded = new Y.Doc();
    (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(loaded, await askBytes('update', format, ''));
    assert.deepEqual(rootOf(loaded).toJSON(), expected, `seed ${seed}: v${format} loads another document`);
  }
  await ask('state');  // canonical
  const xml = JSON.parse(await ask('json')).prosemirror ?? '';
  assert.equal(xml, clients[0].doc.getXmlFragment('prosemirror').toString(), `seed ${seed}: the XML differs`);
  return steps;
}

let steps = 0;
let cases = 0;
for (let seed = firstSeed; steps < wantedSteps; ++seed, ++cases) steps += await runCase(seed);
end();
console.log(`${steps} steps in ${cases} cases: the same ProseMirror documents`);
process.exit(0);
