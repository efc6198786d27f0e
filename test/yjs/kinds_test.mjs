// What Yjs's clients of today seldom make, one by one: values as its first versions wrote
// them, hooks among XML, and halves of surrogate pairs in updates v2.
//
//   node kinds_test.mjs DRIVER
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { deepOf, jsonOf } from './compare.mjs';
import { hex, openYdoc } from './ydoc_driver.mjs';

const { ask, askBytes, end } = openYdoc(process.argv[2]);

const docOf = (...updates) => {
  const doc = new Y.Doc({ gc: false });
  for (const [format, update] of updates) (format === 1 ? Y.applyUpdate : Y.applyUpdateV2)(doc, update);
  return doc;
};
const v2 = (update) => [2, Y.convertUpdateFormatV1ToV2(update)];
// What the doc says when `change` is made by that client.
function changed(doc, client, change) {
  doc.clientID = client;
  const before = Y.encodeStateVector(doc);
  doc.transact(() => change(doc));
  return Y.encodeStateAsUpdate(doc, before);
}

// The updates make the same document in Yjs and here, in this order and the other, in both
// formats; and what is written here is that document in Yjs.
async function check(what, expected, ...updates) {
  const orders = [updates.map((u) => [1, u]), updates.map((u) => [1, u]).reverse(), updates.map(v2), updates.map(v2).reverse()];
  const states = new Set();
  for (const order of orders) {
    await ask('new');
    for (const [format, update] of order) await ask('apply', format, hex(update));
    const doc = docOf(...order);
    assert.deepEqual(jsonOf(doc), expected, `${what}: Yjs`);
    assert.deepEqual(JSON.parse(await ask('json')), expected, what);
    states.add(await ask('state'));
    for (const format of [1, 2]) {
      const loaded = docOf([format, await askBytes('update', format, '')]);
      assert.deepEqual(jsonOf(loaded), expected, `${what}: v${format}`);
      assert.deepEqual(deepOf(loaded), deepOf(doc), `${what}: v${format}`);
    }
  }
  assert.equal(states.size, 1, `${what}: the order shows in the bytes`);
}

// ---- values as JSON texts, content 2

const uint = (n) => (n < 128 ? [n] : [n & 127 | 128, n >> 7]);
const string = (text) => { const bytes = [...Buffer.from(text)]; return [...uint(bytes.length), ...bytes]; };
// Client 1 puts them into the root array and a root map's keys, as Yjs did before it had
// content 8.
const values = ['1', '"a😀"', '{"k":[1,null,-0.5],"Ключ":{}}', 'undefined', 'null', '[]', 'true'];
const old = new Uint8Array([
  1, 3, 1, 0,
  0x02, 1, ...string('array'), values.length, ...values.flatMap(string),
  0x22, 1, ...string('map'), ...string('title'), 1, ...string('"first"'),
  0xa2, 1, values.length, 1, ...string('{"second":2}'),
  0]);
const oldArray = [1, 'a😀', { k: [1, null, -0.5], Ключ: {} }, null, null, [], true];
await check('old values', { array: oldArray, map: { title: { second: 2 } } }, old);
// Somebody writes between them, and takes some of them out.
const between = changed(docOf([1, old]), 2, (doc) => doc.getArray('array').insert(3, ['new', [2]]));
const without = changed(docOf([1, old]), 3, (doc) => {
  doc.getArray('array').delete(1, 3);
  doc.getMap('map').set('title', 'third');
});
await check('old values among new ones', { array: [1, 'new', [2], null, [], true], map: { title: 'third' } }, old, between, without);

// ---- hooks, shared type 5

const hooked = changed(new Y.Doc(), 4, (doc) => {
  const hook = new Y.XmlHook('widget');
  hook.set('size', 3);
  hook.set('items', Y.Array.from(['x']));
  const paragraph = new Y.XmlElement('p');
  paragraph.insert(0, [new Y.XmlText('before'), hook]);
  doc.getXmlFragment('xml').insert(0, [paragraph]);
  const other = new Y.XmlHook('Überschrift');
  other.set('a', 1);
  doc.getMap('map').set('hook', other);
});
const hookEdited = changed(docOf([1, hooked]), 5, (doc) => {
  doc.getXmlFragment('xml').get(0).get(1).get('items').push(['y']);
  doc.getMap('map').get('hook').set('a', 2);
});
await check('hooks', { map: { hook: { a: 2 } }, xml: '<p>before[object Object]</p>' }, hooked, hookEdited);
assert.equal(docOf([1, await askBytes('update', 1, '')]).getXmlFragment('xml').get(0).get(1).hookName, 'widget');

// ---- halves of surrogate pairs

// Two write into one pair at once, and a third takes one half of it.
const pair = changed(new Y.Doc(), 6, (doc) => doc.getText('text').insert(0, 'a😀b😁'));
const into = changed(docOf([1, pair]), 7, (doc) => doc.getText('text').insert(2, 'x'));
const same = changed(docOf([1, pair]), 8, (doc) => doc.getText('text').insert(2, 'y😂'));
const half = changed(docOf([1, pair]), 9, (doc) => doc.getText('text').delete(4, 1));
await check('pairs cut by two', { text: 'a\ufffdxy😂\ufffdb\ufffd' }, pair, into, same, half);
// Marks and an embed within one, in a text of an array and in XML.
const nested = changed(new Y.Doc(), 10, (doc) => {
  doc.getArray('array').insert(0, [new Y.Text('😀😁')]);
  const text = new Y.XmlText('c😂d');
  doc.getXmlFragment('xml').insert(0, [text]);
});
const cut = changed(docOf([1, nested]), 11, (doc) => {
  doc.getArray('array').get(0).insertEmbed(1, { image: 1 });
  doc.getArray('array').get(0).insert(4, 'z', { bold: true });
  doc.getXmlFragment('xml').get(0).insert(2, '!', { em: {} });
});
await check('pairs cut in nested texts', { array: ['\ufffd\ufffd\ufffdz\ufffd'], xml: 'c\ufffd<em>!</em>\ufffdd' }, nested, cut);
// The strings of an update v2 stand behind each other: where somebody wrote half a pair and
// somebody else the other, they look like one. Yjs shows it so until it passes it on by an
// update v1, and as U+FFFD from then on; here they are that at once.
const whole = new Y.Doc();
whole.clientID = 13;
whole.getText('text').insert(0, 'a\ud83d');
whole.clientID = 12;
whole.getText('text').insert(2, '\ude00b');
await ask('new');
await ask('apply', 2, hex(Y.encodeStateAsUpdateV2(whole)));
assert.deepEqual(JSON.parse(await ask('json')), { text: 'a\ufffd\ufffdb' });
assert.equal(docOf([1, Y.encodeStateAsUpdate(whole)]).getText('text').toString(), 'a\ufffd\ufffdb');
const state = await ask('state');
await ask('new');
await ask('apply', 1, hex(Y.encodeStateAsUpdate(whole)));
assert.equal(await ask('state'), state);

end();
console.log('old values, hooks and halves of surrogate pairs: the same documents as Yjs');
process.exit(0);
