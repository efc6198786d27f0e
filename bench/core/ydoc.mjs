// The ydoc's part of make bench-core: real Yjs replays the recorded sessions into one
// Y.Text and makes documents of other kinds. For each, what the server stores against
// Yjs's update v2, `yjs_stored_ratio_NAME`, the greatest of the sessions as
// `yjs_stored_ratio`; and the time in which one update of a character is merged into
// the stored automerge-paper, `yjs_merge_ms`, with Yjs's own beside it (load, apply,
// encode).
//
//   node ydoc.mjs BENCH_YDOC
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const yjsTest = join(root, 'test/yjs');
if (!existsSync(join(yjsTest, 'node_modules/yjs'))) {
  execFileSync('npm', ['ci', '--silent'], { cwd: yjsTest, stdio: ['ignore', 'ignore', 'inherit'] });
}
const Y = createRequire(join(yjsTest, 'package.json'))('yjs');

function figure(name, value, unit) {
  console.log(`figure ${name} ${value >= 1000 ? value.toFixed(0) : Number(value.toPrecision(4))} ${unit}`);
}

function median(runs, once) {
  const times = [];
  for (let i = 0; i < runs; ++i) {
    const begin = process.hrtime.bigint();
    once(i);
    times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  return times.sort((a, b) => a - b)[runs >> 1];
}

function type(doc, patches) {
  const text = doc.getText('body');
  doc.transact(() => {
    for (const [at, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(at, deleted);
      if (inserted !== '') text.insert(at, inserted);
    }
  });
}

// The document of a session with one author.
function replay(trace) {
  const doc = new Y.Doc();
  for (const { patches } of trace.txns) type(doc, patches);
  return doc;
}

// Of a session with several: each types into a document that has what that author had
// seen by then. The positions hold where concurrent insertions stand in the order of the
// authors' numbers, which is Yjs's if its clients have the same order.
function replayTogether(trace) {
  const authors = Array.from({ length: trace.numAgents }, (_, author) => {
    const doc = new Y.Doc();
    doc.clientID = 1 + author;
    const made = { doc, seen: new Set(), update: null };
    doc.on('update', (update) => { made.update = update; });
    return made;
  });
  const updates = [];
  trace.txns.forEach(({ agent, parents, patches }, number) => {
    const author = authors[agent];
    const unseen = [];
    const look = [...parents];
    while (look.length > 0) {
      const one = look.pop();
      if (author.seen.has(one)) continue;
      author.seen.add(one);
      unseen.push(one);
      look.push(...trace.txns[one].parents);
    }
    for (const one of unseen.sort((a, b) => a - b)) if (updates[one] !== null) Y.applyUpdate(author.doc, updates[one]);
    author.update = null;
    type(author.doc, patches);
    updates[number] = author.update;
    author.seen.add(number);
  });
  const [{ doc }, ...others] = authors;
  for (const other of others) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other.doc));
  return doc;
}

// Documents that are not one text.
const others = {
  map_3000(doc) {
    const map = doc.getMap('map');
    for (let i = 0; i < 3000; ++i) map.set(`key-${i}`, `value ${i}`);
  },
  prose(doc) {
    const fragment = doc.getXmlFragment('prosemirror');
    for (let i = 0; i < 500; ++i) {
      const paragraph = new Y.XmlElement('paragraph');
      fragment.push([paragraph]);
      const text = new Y.XmlText();
      paragraph.push([text]);
      for (const word of `Paragraph ${i} is typed one word after another.`.split(/(?<= )/)) text.insert(text.length, word);
      text.format(0, 9, { strong: {} });
    }
  },
  array_2000(doc) {
    const array = doc.getArray('array');
    for (let i = 0; i < 2000; ++i) array.push([{ id: i, done: i % 2 === 0, title: `Item ${i}` }]);
  },
};

const scratch = mkdtempSync(join(tmpdir(), 'bench-ydoc-'));
function measure(doc, edit) {
  const whole = Y.encodeStateAsUpdateV2(doc);
  writeFileSync(join(scratch, 'whole'), whole);
  const files = [join(scratch, 'whole')];
  for (let i = 0; i < 5; ++i) {
    const client = new Y.Doc();
    Y.applyUpdateV2(client, whole);
    client.on('update', (update) => writeFileSync(join(scratch, `update-${i}`), update));
    edit(client, i);
    files.push(join(scratch, `update-${i}`));
  }
  const result = JSON.parse(execFileSync(process.argv[2], files, { encoding: 'utf8' }));
  return { ...result, whole, ratio: result.stored_bytes / whole.length, update: readFileSync(files[1]) };
}

try {
  const traces = join(root, '../shared/traces');
  let greatest = 0;
  if (!existsSync(traces)) console.log(`the sessions are skipped: ${traces} is not there`);
  for (const file of existsSync(traces) ? readdirSync(traces).filter((name) => name.endsWith('.json.gz')).sort() : []) {
    const name = file.replace('.json.gz', '').replaceAll('-', '_');
    const trace = JSON.parse(gunzipSync(readFileSync(join(traces, file))));
    const doc = trace.kind === 'concurrent' ? replayTogether(trace) : replay(trace);
    if (doc.getText('body').toString() !== trace.endContent) throw new Error(`${file}: another text`);
    const result = measure(doc, (client, i) => {
      const text = client.getText('body');
      text.insert(Math.floor((text.length * (i + 1)) / 6), 'x');
    });
    figure(`yjs_stored_ratio_${name}`, result.ratio, 'x');
    greatest = Math.max(greatest, result.ratio);
    if (name !== 'automerge_paper') continue;
    figure('yjs_merge_ms', result.merge_ms, 'ms');
    figure('yjs_merge_decoded_ms', result.decoded_merge_ms, 'ms');
    figure('yjs_merge_peer_ms', median(5, () => {
      const server = new Y.Doc();
      Y.applyUpdateV2(server, result.whole);
      Y.applyUpdate(server, result.update);
      Y.encodeStateAsUpdateV2(server);
    }), 'ms');
  }
  if (greatest > 0) figure('yjs_stored_ratio', greatest, 'x');
  for (const [name, make] of Object.entries(others)) {
    const doc = new Y.Doc();
    make(doc);
    const result = measure(doc, (client, i) => {
      if (name === 'prose') client.getXmlFragment('prosemirror').get(100 * i).get(0).insert(12, 'x');
      else if (name === 'map_3000') client.getMap('map').set(`key-${i * 500}`, 'another');
      else client.getArray('array').insert(i * 300, ['another']);
    });
    figure(`yjs_stored_ratio_${name}`, result.ratio, 'x');
    figure(`yjs_merge_ms_${name}`, result.merge_ms, 'ms');
    figure(`yjs_merge_decoded_ms_${name}`, result.decoded_merge_ms, 'ms');
  }
} finally {
  rmSync(scratch, { recursive: true });
}
