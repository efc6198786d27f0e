// The sequence engine stands in the order of real Yjs: random concurrent edits
// by 2 to 50 Yjs clients, prepends, deletions and cut surrogate pairs among
// them, are given to the engine update by update, in any order and some twice;
// the texts must be equal.
//
//   node order_test.mjs DRIVER        YJS_EDITS=N for more, YJS_SEED=N to replay
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as Y from 'yjs';
import { random, shuffle } from './random.mjs';

const driverPath = process.argv[2];
const wantedEdits = Number(process.env.YJS_EDITS ?? 120_000);
const firstSeed = Number(process.env.YJS_SEED ?? 1);

const pieces = ['a', 'b', 'xyz', 'é', '漢字', '😀', '😀😁', 'q😂r', 'a longer piece of text'];

function edit(text, rng) {
  const length = text.length;
  const kind = rng.below(10);
  if (kind < 3 && length > 0) {
    const at = rng.below(length);
    text.delete(at, 1 + rng.below(Math.min(5, length - at)));
  } else if (kind === 3) {
    text.insert(0, pieces[rng.below(pieces.length)]);
  } else if (kind === 4) {
    text.insert(length, pieces[rng.below(pieces.length)]);
  } else {
    // Mostly near where others write as well.
    const at = rng.chance(2) ? rng.below(length + 1) : Math.min(length, rng.below(6));
    text.insert(at, pieces[rng.below(pieces.length)]);
  }
}

// Yjs draws clients below 2^32; the identifiers may be wider.
const clientOf = (rng) => (rng.chance(4) ? rng.next() * 2 ** 21 + rng.below(2 ** 21) : rng.next());

// One case: what each client sent, and the text that all end with.
function makeCase(seed) {
  const rng = random(seed);
  const clients = rng.chance(4) ? 50 : 2 + rng.below(49);
  const edits = clients * 4 + rng.below(clients * 30);
  const updates = [];
  const docs = Array.from({ length: clients }, () => {
    const doc = new Y.Doc({ gc: false });
    doc.clientID = clientOf(rng);
    doc.on('update', (update, origin) => {
      if (origin !== 'sync') updates.push(update);
    });
    return doc;
  });
  const sync = (to, from) =>
    Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'sync');
  for (let i = 0; i < edits; ++i) {
    edit(docs[rng.below(clients)].getText('t'), rng);
    if (rng.chance(6)) sync(docs[rng.below(clients)], docs[rng.below(clients)]);
  }
  for (const doc of docs) sync(docs[0], doc);
  sync(docs[1], docs[0]);
  const text = docs[0].getText('t').toString();
  if (docs[1].getText('t').toString() !== text) throw new Error(`seed ${seed}: Yjs itself differs`);
  shuffle(updates, rng);
  for (let i = rng.below(10); i > 0; --i) updates.push(updates[rng.below(updates.length)]);
  return { clients, edits, updates, text };
}

// The driver's lines (sequence_driver.cpp).
function linesOf(update) {
  const { structs, ds } = Y.decodeUpdate(update);
  const lines = ['update'];
  const id = (x) => (x ? `${x.client} ${x.clock}` : '- -');
  for (const item of structs) {
    if (!(item instanceof Y.Item)) throw new Error('a struct that is no item');
    const where = `${id(item.id)} ${id(item.origin)} ${id(item.rightOrigin)}`;
    if (item.content instanceof Y.ContentString) {
      lines.push(`insert ${where} ${Buffer.from(item.content.str, 'utf8').toString('hex')}`);
    } else if (item.content instanceof Y.ContentDeleted) {
      lines.push(`gone ${where} ${item.content.len}`);
    } else {
      throw new Error(`content ${item.content.constructor.name}`);
    }
  }
  for (const [client, ranges] of ds.clients) {
    for (const range of ranges) lines.push(`delete ${client} ${range.clock} ${range.len}`);
  }
  return lines;
}

const driver = spawn(driverPath, { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: driver.stdout })[Symbol.asyncIterator]();
let edits = 0;
let cases = 0;
for (let seed = firstSeed; edits < wantedEdits; ++seed) {
  const one = makeCase(seed);
  const lines = one.updates.flatMap(linesOf);
  lines.push('text', '');
  driver.stdin.write(lines.join('\n'));
  const { value: answer, done } = await answers.next();
  if (done) throw new Error(`seed ${seed}: the driver ended`);
  const text = answer.startsWith('text ') ? Buffer.from(answer.slice(5), 'hex').toString('utf8') : null;
  if (text !== one.text) {
    console.error(`seed ${seed}: ${one.clients} clients, ${one.edits} edits: ${text === null ? answer : 'the texts differ'}`);
    if (text !== null) {
      let at = 0;
      while (text[at] === one.text[at]) ++at;
      console.error(`  from ${at}: Yjs ${JSON.stringify(one.text.slice(at, at + 40))}`);
      console.error(`  from ${at}: here ${JSON.stringify(text.slice(at, at + 40))}`);
    }
    process.exit(1);
  }
  edits += one.edits;
  ++cases;
}
driver.stdin.end();
console.log(`${edits} edits in ${cases} cases: the same order as Yjs`);
process.exit(0);
