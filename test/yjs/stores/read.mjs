// Reads files of updates with real Yjs: a JSON object from each file's name to its
// content (documents.mjs).
//
//   node read.mjs FILE…
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as Y from 'yjs';
import { contentOf } from './documents.mjs';

console.log(JSON.stringify(Object.fromEntries(process.argv.slice(2).map((file) => {
  const doc = new Y.Doc();
  (file.endsWith('.v2') ? Y.applyUpdateV2 : Y.applyUpdate)(doc, readFileSync(file));
  return [basename(file), contentOf(doc)];
}))));
