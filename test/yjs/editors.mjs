// Real Yjs editors for the bridge's tests: y-websocket's and Hocuspocus's providers,
// unmodified, as a program that does what it is told. A line of JSON in, one out:
//
//   {"number": N, "do": NAME, "editor": NAME, …} → {"number": N, "value": …} or {…, "error": "…"}
//
// An editor is a Y.Doc with its provider. What happened to it is kept as events.
import { createInterface } from 'node:readline';
import * as hocuspocus from '@hocuspocus/provider';
import * as hocuspocus2 from 'hocuspocus-provider-2';
import * as hocuspocus3 from 'hocuspocus-provider-3';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import { WebsocketProvider as WebsocketProvider30 } from 'y-websocket-3.0';
import * as Y from 'yjs';
import { deepOf, jsonOf } from './compare.mjs';
import { edit } from './edits.mjs';
import { random } from './random.mjs';

console.log = console.warn = console.error = () => {};  // the packages' own reports; the tests see the events
globalThis.WebSocket ??= WebSocket;  // which y-websocket's resyncInterval looks at
// In Node a socket that a provider drops while it connects has an error and nobody
// who listens; a browser's has not.
process.on('uncaughtException', (error) => { if (!/closed before the connection/.test(error.message)) throw error; });
// By what an editor's kind is called.
const yWebsockets = { 'y-websocket': WebsocketProvider, 'y-websocket-3.0': WebsocketProvider30 };
const hocuspocuses = { hocuspocus, 'hocuspocus-2': hocuspocus2, 'hocuspocus-3': hocuspocus3 };
const editors = new Map();
const sockets = new Map();

// A varint of lib0's, and what is behind it.
function numberAt(bytes, at) {
  for (let number = 0, unit = 1; ; unit *= 128) {
    number += (bytes[at] & 127) * unit;
    if (bytes[at++] < 128) return [number, at];
  }
}

class Editor {
  constructor(what) {
    this.doc = new Y.Doc();
    if (what.state) Y.applyUpdate(this.doc, Buffer.from(what.state, 'hex'));
    if (what.client) this.doc.clientID = what.client;  // after that: Yjs takes another when it hears of its own
    this.events = [];
    this.states = [];  // what the server sent of the document, as an answer or by itself
    this.recent = [];  // its own updates, the latest
    this.doc.on('update', (update, _origin, _doc, transaction) => {
      if (transaction.local && this.recent.push(update) > 100) this.recent.shift();
    });
    this.kind = what.kind;
    this.synced = false;
    if (what.kind in yWebsockets) this.openYWebsocket(what, yWebsockets[what.kind]);
    else this.openHocuspocus(what, hocuspocuses[what.kind]);
  }

  // `bc`: it hears the other tabs of its browser, which is this process, by BroadcastChannel,
  // as it does unless it is told not to. `connect: false`: it is to connect later.
  openYWebsocket({ url, name, token, protocols, params, resync, gives_up, bc = false, connect = true }, Provider) {
    this.provider = new Provider(url, name, this.doc, {
      protocols: protocols ?? ['converge.yjs', `converge.token.${token}`],
      params: params ?? {}, WebSocketPolyfill: WebSocket, disableBc: !bc, connect, maxBackoffTime: 100,
      resyncInterval: resync ?? -1,
    });
    // As a y-websocket that reports the server's word does.
    this.provider.messageHandlers[2] = (_encoder, decoder) => {
      this.events.push({ denied: Buffer.from(decoder.arr.subarray(decoder.pos + 2)).toString() });
    };
    const takeSync = this.provider.messageHandlers[0];
    this.provider.messageHandlers[0] = (encoder, decoder, ...more) => {
      this.noteState(decoder.arr, decoder.pos);
      return takeSync(encoder, decoder, ...more);
    };
    this.provider.on('sync', (state) => { this.synced = state; });
    this.provider.on('connection-close', (event) => { if (event) this.events.push({ closed: event.code, reason: event.reason }); });
    if (gives_up) {  // as the reference tells who has an older version
      this.provider.on('connection-close', (event) => { if (event?.code >= 4400 && event.code < 4500) this.provider.disconnect(); });
    }
    this.awareness = this.provider.awareness;
    this.cut = () => this.provider.ws?.terminate?.();
    this.pause = () => this.provider.disconnect();
    this.resume = () => this.provider.connect();
    this.unsynced = () => 0;
    this.heard = () => this.provider.wsLastMessageReceived;
  }

  openHocuspocus({ url, name, token, socket, sessions }, { HocuspocusProvider, HocuspocusProviderWebsocket }) {
    if (!sockets.has(socket)) {
      sockets.set(socket, new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket, delay: 50, minDelay: 50, maxDelay: 100 }));
    }
    this.token = token;
    this.socket = socket;
    const websocketProvider = sockets.get(socket);
    const note = (what) => this.events.push(what);
    this.provider = new HocuspocusProvider({
      websocketProvider, name, token: () => this.token, document: this.doc, sessionAwareness: sessions ?? false,
      broadcast: false,  // the second version's, between the tabs of a browser
      onAuthenticated: (data) => note({ scope: data?.scope ?? this.provider.authorizedScope }),
      onAuthenticationFailed: ({ reason }) => note({ denied: reason }),
      onStateless: ({ payload }) => note({ stateless: JSON.parse(payload) }),
      onClose: ({ event }) => note({ closed: event.code, reason: event.reason }),
    });
    this.provider.on('message', ({ message }) => {
      message.readVarString();
      if (message.readVarUint() === 0) this.noteState(message.decoder.arr, message.decoder.pos);
    });
    this.provider.attach?.();  // the second version's has done so
    this.provider.on('close', () => { this.synced = false; });
    this.provider.on('synced', () => { this.synced = true; });
    this.awareness = this.provider.awareness;
    this.cut = () => websocketProvider.webSocket?.terminate?.();
    this.pause = () => websocketProvider.disconnect();
    this.resume = () => websocketProvider.connect();
    this.unsynced = () => this.provider.unsyncedChanges;
    this.heard = () => websocketProvider.lastMessageReceived;
  }

  // Of a sync message, from its step on.
  noteState(bytes, at) {
    const [step, body] = numberAt(bytes, at);
    if (step !== 1) return;
    const [size, update] = numberAt(bytes, body);
    this.states.push(Buffer.from(bytes.subarray(update, update + size)).toString('hex'));
  }

  close() {
    this.provider.destroy();
    if (this.socket === undefined || [...editors.values()].some((other) => other !== this && other.socket === this.socket)) return;
    sockets.get(this.socket).destroy();
    sockets.delete(this.socket);
  }
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function until(condition, seconds = 50) {
  const deadline = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}

const commands = {
  open: (editor, what) => { editors.set(what.editor, new Editor(what)); },
  synced: async (editor) => (await until(() => editor.synced)) || Promise.reject(new Error(`not synced: ${JSON.stringify(editor.events)}`)),
  insert: (editor, { root = 'body', at, text }) => { editor.doc.getText(root).insert(at, text); },
  delete: (editor, { root = 'body', at, count }) => { editor.doc.getText(root).delete(at, count); },
  set: (editor, { root = 'meta', key, value }) => { editor.doc.getMap(root).set(key, value); },
  text: (editor, { root = 'body' }) => editor.doc.getText(root).toString(),
  has_text: async (editor, { root = 'body', text }) => (await until(() => editor.doc.getText(root).toString() === text))
    || Promise.reject(new Error(`it has ${JSON.stringify(editor.doc.getText(root).toString())}, not ${JSON.stringify(text)}; ${JSON.stringify(editor.events)}`)),
  saved: async (editor) => (await until(() => editor.unsynced() === 0)) || Promise.reject(new Error(`${editor.unsynced()} changes are not saved`)),
  unsynced: (editor) => editor.unsynced(),
  json: (editor) => editor.doc.toJSON(),
  map: (editor, { root = 'meta' }) => editor.doc.getMap(root).toJSON(),
  client: (editor) => editor.doc.clientID,
  state: (editor) => Buffer.from(Y.encodeStateAsUpdate(editor.doc)).toString('hex'),
  apply: (editor, { update }) => { Y.applyUpdate(editor.doc, Buffer.from(update, 'hex'), 'test'); },
  recent: (editor) => editor.recent.splice(0).map((update) => Buffer.from(update).toString('hex')),
  events: (editor) => editor.events.splice(0),
  event: async (editor, { kind }) => (await until(() => editor.events.some((event) => kind in event)))
    ? editor.events.find((event) => kind in event)
    : Promise.reject(new Error(`no ${kind} among ${JSON.stringify(editor.events)}`)),
  cut: (editor) => { editor.cut(); },
  pause: (editor) => { editor.pause(); },
  resume: (editor) => { editor.resume(); },
  states: (editor) => editor.states.splice(0),
  // Both documents hear of each other's edits past the server, as by a second provider,
  // a moment later.
  link: (editor, { other }) => {
    const [one, two] = [editor.doc, editors.get(other).doc];
    const pass = (from, to) => from.on('update', (update, origin) => {
      if (origin !== 'link') setTimeout(() => Y.applyUpdate(to, update, 'link'), 50);
    });
    pass(one, two);
    pass(two, one);
  },
  // Before its connection stands, or where it has none, the other tabs hear it.
  hear_tabs: (editor) => { editor.provider.connectBc(); },
  close: (editor, what) => { editor.close(); editors.delete(what.editor); },
  // How long ago the provider had a message, in ms.
  quiet: (editor) => Date.now() - editor.heard(),
  renew: (editor, { token }) => {
    editor.token = token;
    editor.provider.sendToken();
  },
  // How many changes it takes for unsaved then.
  force_sync: (editor) => {
    editor.provider.forceSync();
    return editor.unsynced();
  },
  show: (editor, { state }) => { editor.awareness.setLocalState(state); },
  // Says something of another client, as nobody honest would.
  forge: (editor, { client, state }) => {
    editor.awareness.states.set(client, state);
    editor.awareness.meta.set(client, { clock: 1000, lastUpdated: Date.now() });
    editor.awareness.emit('update', [{ added: [], updated: [client], removed: [] }, 'local']);
  },
  clock: (editor, { client }) => editor.awareness.meta.get(client)?.clock ?? null,
  others: (editor) => Object.fromEntries([...editor.awareness.getStates()].filter(([client]) => client !== editor.doc.clientID)),
  sees: async (editor, { client, state }) => {
    const same = () => JSON.stringify(editor.awareness.getStates().get(client) ?? null) === JSON.stringify(state);
    return (await until(same)) || Promise.reject(new Error(`it sees ${JSON.stringify([...editor.awareness.getStates()])}`));
  },
  // Words at the end of a text, `pause` ms apart, until it is told to stop: how many.
  type: async (editor, { root = 'body', word, pause }) => {
    const text = editor.doc.getText(root);
    let count = 0;
    for (editor.typing = true; editor.typing; ++count) {
      text.insert(text.length, `${word}${count} `);
      await sleep(pause);
    }
    return count;
  },
  stop_typing: (editor) => { editor.typing = false; },
  // Random edits, `pause` ms apart.
  scribble: async (editor, { seed, count, pause = 0 }) => {
    const rng = random(seed);
    for (let i = 0; i < count; ++i) {
      edit(editor.doc, rng);
      if (pause > 0 ? true : i % 50 === 49) await sleep(pause);
    }
  },
  document: (editor) => ({ json: jsonOf(editor.doc), deep: deepOf(editor.doc), pending: editor.doc.store.pendingStructs !== null }),
  // Of a state as the server has it: the same, loaded by Yjs alone.
  load: (_, { update, format }) => {
    const doc = new Y.Doc();
    (format === 2 ? Y.applyUpdateV2 : Y.applyUpdate)(doc, Buffer.from(update, 'hex'));
    return { json: jsonOf(doc), deep: deepOf(doc), pending: doc.store.pendingStructs !== null };
  },
};

// Commands run side by side; who needs an order waits for the answer.
async function answer({ number, ...what }) {
  let given;
  try {
    given = { value: (await commands[what.do](editors.get(what.editor), what)) ?? null };
  } catch (error) {
    given = { error: String(error?.message ?? error) };
  }
  const plain = (_, value) => (typeof value === 'bigint' ? `${value}n` : value);
  process.stdout.write(JSON.stringify({ number, ...given }, plain) + '\n');
}

for await (const line of createInterface({ input: process.stdin })) answer(JSON.parse(line));
process.exit(0);
