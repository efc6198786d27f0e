// A ydoc stands as real Yjs does: several Yjs clients edit every shared type at
// once, some with garbage collection, some undoing, now and then the ydoc itself.
// What they send, as updates v1 and v2, whole, in parts and as differences, comes
// to the ydoc in any order and some of it twice. In the end
//   - its JSON equals that of Yjs,
//   - its updates v1 and v2, whole and since some state, loaded by Yjs give the
//     same document, marks included,
//   - who was passed on just the updates that added something to the ydoc, one by one,
//     has it as well (in every third case),
//   - its state is canonical, and the same whatever the order was, and whether the
//     updates were applied, to the document or to its encoding, or states were
//     merged.
//
//   node documents_test.mjs DRIVER     YJS_OPERATIONS=N for more, YJS_SEED=N to replay
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { deepOf, jsonOf, withoutEmpty } from './compare.mjs';
import { edit, jsonValue, pieces, roots } from './edits.mjs';
import { random, shuffle } from './random.mjs';
import { hex, openYdoc } from './ydoc_driver.mjs';

const wantedOperations = Number(process.env.YJS_OPERATIONS ?? 55_000);
const firstSeed = Number(process.env.YJS_SEED ?? 1);

// ---- the ydoc --------------------------------------------------------------

const { ask, askBytes, end } = openYdoc(process.argv[2]);

// ---- one case --------------------------------------------------------------

async function runCase(seed) {
  const rng = random(seed);
  const clients = 2 + rng.below(6);
  const operations = 200 + rng.below(1000);
  // As a server hears them, one after another; else shuffled.
  const orderly = rng.chance(2);
  const updates = [];
  const docs = Array.from({ length: clients }, () => {
    const doc = new Y.Doc({ gc: rng.chance(2) });
    doc.clientID = rng.chance(4) ? rng.next() * 2 ** 21 : rng.next();
    doc.on('update', (update, origin) => {
      // Now and then what was learnt from others is sent on, as Yjs says it then.
      if (origin === 'sync' && !rng.chance(4)) return;
      updates.push(rng.chance(2) ? [1, update] : [2, Y.convertUpdateFormatV1ToV2(update)]);
    });
    doc.undo = rng.chance(2) ? new Y.UndoManager(roots(doc), { captureTimeout: 0, trackedOrigins: new Set(['edit']) }) : null;
    return doc;
  });
  const sync = (to, from) => Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'sync');

  const follower = seed % 3 === 0 ? new Y.Doc() : null;
  follower?.on('update', (update, origin) => { if (origin !== 'passed on') updates.push([1, update]); });
  const apply = async (format, update) => {
    if (await ask('apply', format, hex(update)) === 'known' || !follower) return;
    (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(follower, await askBytes('pass', format, hex(update)), 'passed on');
  };

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
      if (follower) Y.applyUpdate(follower, update, 'passed on');
    }
    if (orderly) {
      for (const [format, update] of updates.splice(0)) await apply(format, update);
    } else if (rng.chance(50)) {
      shuffle(updates, rng);
      const sent = updates.splice(0, rng.below(updates.length + 1));
      for (const [format, update] of sent) await apply(format, update);
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
  for (const [format, update] of updates) await apply(format, update);
  await ask('merge');

  for (const doc of docs) sync(docs[0], doc);
  for (const doc of docs) sync(doc, docs[0]);
  // Yjs takes out marks that have no effect when it sees them: these travel back.
  do {
    for (const [format, update] of updates.splice(0)) await apply(format, update);
    Y.applyUpdate(docs[0], await askBytes('update', 1, ''), 'sync');
    await apply(2, Y.encodeStateAsUpdateV2(docs[0]));
  } while (updates.length > 0);

  const reference = jsonOf(docs[0]);
  if (follower) {
    assert.equal(follower.store.pendingStructs, null, `seed ${seed}: something that was passed on is pending`);
    assert.deepEqual(jsonOf(follower), reference, `seed ${seed}: what was passed on gives another JSON`);
  }
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
end();
console.log(`${quick} of ${applied} updates were applied to the encoded state as well`);
console.log(`${operations} operations in ${cases} cases: the same documents as Yjs`);
process.exit(0);
