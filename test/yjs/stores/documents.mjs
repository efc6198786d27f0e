// The documents of the import's test, by name; each a list of updates v1, one an edit.
import * as Y from 'yjs';

function updatesOf(clientID, ...edits) {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  const updates = [];
  doc.on('update', (update) => updates.push(update));
  for (const edit of edits) doc.transact(() => edit(doc));
  return updates;
}

export const documents = {
  'home': updatesOf(1001,
    (doc) => doc.getText('body').insert(0, 'Hello 😀'),
    (doc) => doc.getText('body').format(0, 5, { bold: true }),
    (doc) => doc.getMap('meta').set('title', 'Home')),
  'a/b Ключ': updatesOf(1002,
    (doc) => doc.getArray('list').push([1, { two: [3] }, null]),
    (doc) => doc.getArray('list').delete(0),
    (doc) => {
      const paragraph = new Y.XmlElement('paragraph');
      paragraph.insert(0, [new Y.XmlText('nested')]);
      doc.getXmlFragment('prosemirror').insert(0, [paragraph]);
    }),
};

// What a document says, all of it.
export function contentOf(doc) {
  return {
    body: doc.getText('body').toDelta(),
    meta: doc.getMap('meta').toJSON(),
    list: doc.getArray('list').toJSON(),
    prosemirror: doc.getXmlFragment('prosemirror').toString(),
  };
}

export function whole(updates) {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}
