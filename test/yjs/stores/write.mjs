// Keeps the documents (documents.mjs) as others do, with their own code:
//
//   node write.mjs files FOLDER       updates v1 in a folder each, and one v2 file, whole
//   node write.mjs leveldb FOLDER     y-leveldb
//   node write.mjs hocuspocus         the SQL that Hocuspocus's SQLite extension runs, as
//                                     JSON lines [statement, {name, data as hex}]
//   node write.mjs content            their content, as JSON
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Y from 'yjs';
import { contentOf, documents, whole } from './documents.mjs';

const [, , store, folder] = process.argv;

// Encoded as file names.
const fileName = (name) => [...Buffer.from(name)].map((byte) => (/[\w.-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte)
  : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');

if (store === 'files') {
  for (const [name, updates] of Object.entries(documents)) {
    mkdirSync(join(folder, fileName(name)), { recursive: true });
    updates.forEach((update, i) => writeFileSync(join(folder, fileName(name), `${i}.v1`), update));
  }
  writeFileSync(join(folder, 'whole.v2'), Y.encodeStateAsUpdateV2(whole(documents.home)));
} else if (store === 'leveldb') {
  const { LeveldbPersistence } = await import('y-leveldb');
  const persistence = new LeveldbPersistence(folder);
  for (const [name, updates] of Object.entries(documents)) {
    for (const update of updates) await persistence.storeUpdate(name, update);
    await persistence.setMeta(name, 'seen', 1);
  }
  await persistence.destroy();
} else if (store === 'hocuspocus') {
  const { SQLite, schema } = await import('@hocuspocus/extension-sqlite');
  console.log(JSON.stringify([schema, {}]));
  const extension = new SQLite();
  // In the place of better-sqlite3, which would have to be compiled.
  extension.db = {
    prepare: (statement) => ({
      run: ({ name, data }) => console.log(JSON.stringify([statement, { name, data: Buffer.from(data).toString('hex') }])),
    }),
  };
  for (const [documentName, updates] of Object.entries(documents)) {
    await extension.onStoreDocument({ documentName, document: whole(updates) });
  }
} else {
  console.log(JSON.stringify(Object.fromEntries(Object.entries(documents).map(([name, updates]) => [name, contentOf(whole(updates))]))));
}
