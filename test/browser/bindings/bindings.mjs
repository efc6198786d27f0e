// Tiptap, Quill and Lexical on roots of one Yjs document, as their bindings' own readmes
// have it, with y-websocket's provider; bundled and put into a page by bindings.test.mjs.
import { registerRichText } from '@lexical/rich-text';
import { createBinding, syncLexicalUpdateToYjs, syncYjsChangesToLexical } from '@lexical/yjs';
import { Editor } from '@tiptap/core';
import Bold from '@tiptap/extension-bold';
import Collaboration from '@tiptap/extension-collaboration';
import Document from '@tiptap/extension-document';
import Paragraph from '@tiptap/extension-paragraph';
import Text from '@tiptap/extension-text';
import { COLLABORATION_TAG, SKIP_COLLAB_TAG, createEditor } from 'lexical';
import Quill from 'quill';
import { QuillBinding } from 'y-quill';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

function element(name) {
  const made = document.body.appendChild(document.createElement('div'));
  made.id = name;
  return made;
}

// What @lexical/react's plugin does.
function bindLexical(doc, provider) {
  const editor = createEditor({ namespace: 'test', onError: (error) => { throw error; } });
  const place = element('lexical');
  place.contentEditable = 'true';
  editor.setRootElement(place);
  registerRichText(editor);
  const binding = createBinding(editor, provider, 'lexical', doc, new Map([['lexical', doc]]));
  editor.registerUpdateListener(({ prevEditorState, editorState, dirtyLeaves, dirtyElements, normalizedNodes, tags }) => {
    if (tags.has(SKIP_COLLAB_TAG)) return;
    syncLexicalUpdateToYjs(binding, provider, prevEditorState, editorState, dirtyElements, dirtyLeaves, normalizedNodes, tags);
  });
  binding.root.getSharedType().observeDeep((events, transaction) => {
    if (transaction.origin !== binding) syncYjsChangesToLexical(binding, provider, events, transaction.origin instanceof Y.UndoManager);
  });
  return editor;
}

/** Opens the document with one of each; resolves when it is synced. */
window.openEditors = async (url, name, token) => {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, name, doc, { protocols: ['converge.yjs', `converge.token.${token}`], disableBc: true });
  const lexical = bindLexical(doc, provider);
  await new Promise((resolve) => { provider.once('sync', resolve); });
  const tiptap = new Editor({
    element: element('tiptap'), injectCSS: false,
    extensions: [Document, Paragraph, Text, Bold, Collaboration.configure({ document: doc, field: 'tiptap' })],
  });
  const quill = new Quill(element('quill'), { formats: ['bold', 'header', 'image', 'formula'] });
  new QuillBinding(doc.getText('quill'), quill, provider.awareness);
  window.editors = { doc, tiptap, quill, lexical };
};
