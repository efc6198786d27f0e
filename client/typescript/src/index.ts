export { Client, type ClientEvents, type ClientOptions } from "./client.ts";
export { type ConnectionState, type WebSocketConstructor, type WebSocketLike, type WireCounter } from "./connection.ts";
export { CoreModule, type CoreSource } from "./core/module.ts";
export { FieldType, type FieldInfo } from "./core/session.ts";
export { type Document, type DocumentChange, type DocumentEvents, type DocumentRefusal, type DocumentState } from "./document.ts";
export { ConvergeError } from "./errors.ts";
export { MapField, SetField, TextField, type Json } from "./fields.ts";
export { moveCaret, spliceBetween, type Splice } from "./splice.ts";
export { bindTextarea } from "./bindings/textarea.ts";
