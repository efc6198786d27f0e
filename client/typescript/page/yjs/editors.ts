// The page's Yjs editors: a Yjs document that is a column of the row, in ProseMirror and
// in CodeMirror, connected by y-websocket's provider as it comes from npm. A bundle of
// its own (yjs.js), which the page loads where the row has such a column.
import { defaultKeymap } from "@codemirror/commands";
import { EditorState as CodeState } from "@codemirror/state";
import { EditorView as CodeView, drawSelection, keymap as codeKeymap } from "@codemirror/view";
import { baseKeymap, toggleMark } from "prosemirror-commands";
import { keymap } from "prosemirror-keymap";
import { schema } from "prosemirror-schema-basic";
import { EditorState } from "prosemirror-state";
import { EditorView } from "prosemirror-view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from "y-prosemirror";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

export interface EditorsOptions {
  /** of the bridge: ws://HOST/yjs */
  url: string;
  token: string;
  collection: string;
  key: string;
  /** the column of type ydoc */
  field: string;
  /** who writes here */
  principal: string;
}

/** The roots of the document that the editors show. */
export const proseRoot = "prosemirror";
export const codeRoot = "codemirror";

const colours = ["#2b6a6c", "#8c4a2f", "#4c5fa8", "#7a3f78", "#4f6f2a"];

/** As the editors show a remote cursor. */
function user(name: string, client: number): { name: string; color: string; colorLight: string } {
  const color = colours[client % colours.length]!;
  return { name, color, colorLight: `${color}33` };
}

/** Shows both editors in `section`. */
export function openEditors(section: HTMLElement, options: EditorsOptions): void {
  const part = (name: string) => section.querySelector<HTMLElement>(name)!;
  const document = new Y.Doc();
  const name = [options.collection, options.key, options.field].map(encodeURIComponent).join("/");
  // Each tab is a client of its own, so that nothing passes the server by.
  const provider = new WebsocketProvider(options.url, name, document, {
    protocols: ["converge.yjs", `converge.token.${options.token}`],
    disableBc: true,
  });
  const { awareness } = provider;
  awareness.setLocalStateField("user", user(options.principal, document.clientID));
  // Before the editors hear of them: what the others say of themselves is theirs, but
  // `principal` is the server's.
  awareness.on("change", ({ added, updated }: { added: number[]; updated: number[] }) => {
    for (const client of [...added, ...updated]) {
      const state = awareness.getStates().get(client);
      if (client !== document.clientID && state !== undefined) state["user"] = user(String(state["principal"]), client);
    }
  });

  const showState = () => {
    const state = provider.synced ? "live" : provider.wsconnected ? "connecting" : "waiting";
    section.dataset["state"] = state;
    part(".state").textContent = state === "waiting" ? "no connection, trying again" : state;
  };
  provider.on("status", showState);
  provider.on("sync", showState);
  provider.on("connection-close", (event: CloseEvent | null) => {
    // The server says why it does not want to be asked again.
    if (event !== null && event.reason !== "") part(".notice").textContent = `The server closed the connection: ${event.reason}.`;
    part(".notice").hidden = event === null || event.reason === "";
    showState();
  });
  showState();

  openProse(part(".prose-editor"), document.getXmlFragment(proseRoot), awareness);
  openCode(part(".code-editor"), document.getText(codeRoot), awareness);
}

type Awareness = WebsocketProvider["awareness"];

function openProse(place: HTMLElement, fragment: Y.XmlFragment, awareness: Awareness): void {
  const { strong, em } = schema.marks;
  const view = new EditorView(place, {
    state: EditorState.create({
      schema,
      plugins: [
        ySyncPlugin(fragment),
        yCursorPlugin(awareness),
        yUndoPlugin(),
        keymap({ "Mod-z": undo, "Mod-y": redo, "Mod-Shift-z": redo, "Mod-b": toggleMark(strong), "Mod-i": toggleMark(em) }),
        keymap(baseKeymap),
      ],
    }),
    attributes: { "aria-label": "ProseMirror", role: "textbox", "aria-multiline": "true", spellcheck: "false" },
  });
  view.dom.classList.add("editor");
}

function openCode(place: HTMLElement, text: Y.Text, awareness: Awareness): void {
  // In a shadow root CodeMirror needs no <style> element, which the page's policy forbids.
  const root = place.attachShadow({ mode: "open" });
  const undoManager = new Y.UndoManager(text);
  new CodeView({
    root,
    parent: root,
    state: CodeState.create({
      doc: text.toString(),
      extensions: [
        drawSelection(),
        CodeView.lineWrapping,
        codeKeymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        CodeView.contentAttributes.of({ "aria-label": "CodeMirror" }),
        CodeView.theme({
          "&": { minHeight: "9.5rem" },
          "&.cm-focused": { outline: "none" },
          ".cm-content": { fontFamily: "var(--mono)", fontSize: "0.875rem", caretColor: "var(--ink)", padding: "0" },
          ".cm-cursor": { borderLeftColor: "var(--ink)" },
          ".cm-line": { padding: "0" },
          ".cm-ySelectionInfo": { opacity: "1", fontFamily: "inherit" },
        }),
        yCollab(text, awareness, { undoManager }),
      ],
    }),
  });
}
