// ../../../../w/scratch-web/fake.ts
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { WebSocketServer } from "ws";

// generated/converge.ts
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
var Code = /* @__PURE__ */ ((Code2) => {
  Code2[Code2["CODE_OK"] = 0] = "CODE_OK";
  Code2[Code2["CODE_DUPLICATE"] = 1] = "CODE_DUPLICATE";
  Code2[Code2["CODE_GAP"] = 2] = "CODE_GAP";
  Code2[Code2["CODE_DENIED"] = 3] = "CODE_DENIED";
  Code2[Code2["CODE_MALFORMED"] = 4] = "CODE_MALFORMED";
  Code2[Code2["CODE_TOO_LARGE"] = 5] = "CODE_TOO_LARGE";
  Code2[Code2["CODE_CLOCK_AHEAD"] = 6] = "CODE_CLOCK_AHEAD";
  Code2[Code2["CODE_EQUIVOCATION"] = 7] = "CODE_EQUIVOCATION";
  Code2[Code2["CODE_AFTER_REFUSED"] = 8] = "CODE_AFTER_REFUSED";
  Code2[Code2["CODE_UNKNOWN_DOCUMENT"] = 9] = "CODE_UNKNOWN_DOCUMENT";
  Code2[Code2["CODE_UNKNOWN_FIELD"] = 10] = "CODE_UNKNOWN_FIELD";
  Code2[Code2["CODE_UNAUTHENTICATED"] = 11] = "CODE_UNAUTHENTICATED";
  Code2[Code2["CODE_UNAVAILABLE"] = 12] = "CODE_UNAVAILABLE";
  Code2[Code2["CODE_PROTOCOL"] = 13] = "CODE_PROTOCOL";
  Code2[Code2["CODE_UNSUPPORTED_VERSION"] = 14] = "CODE_UNSUPPORTED_VERSION";
  Code2[Code2["CODE_LIMIT"] = 15] = "CODE_LIMIT";
  Code2[Code2["UNRECOGNIZED"] = -1] = "UNRECOGNIZED";
  return Code2;
})(Code || {});
function createBaseDocumentRef() {
  return { collection: "", key: "" };
}
var DocumentRef = {
  encode(message, writer = new BinaryWriter()) {
    if (message.collection !== "") {
      writer.uint32(10).string(message.collection);
    }
    if (message.key !== "") {
      writer.uint32(18).string(message.key);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseDocumentRef();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.collection = reader.string();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.key = reader.string();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return DocumentRef.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseDocumentRef();
    message.collection = object.collection ?? "";
    message.key = object.key ?? "";
    return message;
  }
};
function createBaseFieldDelta() {
  return { field: "", delta: new Uint8Array(0) };
}
var FieldDelta = {
  encode(message, writer = new BinaryWriter()) {
    if (message.field !== "") {
      writer.uint32(10).string(message.field);
    }
    if (message.delta.length !== 0) {
      writer.uint32(18).bytes(message.delta);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseFieldDelta();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.field = reader.string();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.delta = reader.bytes();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return FieldDelta.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseFieldDelta();
    message.field = object.field ?? "";
    message.delta = object.delta ?? new Uint8Array(0);
    return message;
  }
};
function createBaseFieldInfo() {
  return { field: "", type: 0 };
}
var FieldInfo = {
  encode(message, writer = new BinaryWriter()) {
    if (message.field !== "") {
      writer.uint32(10).string(message.field);
    }
    if (message.type !== 0) {
      writer.uint32(16).uint32(message.type);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseFieldInfo();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.field = reader.string();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.type = reader.uint32();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return FieldInfo.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseFieldInfo();
    message.field = object.field ?? "";
    message.type = object.type ?? 0;
    return message;
  }
};
function createBasePayload() {
  return { operation: 0, fields: [] };
}
var Payload = {
  encode(message, writer = new BinaryWriter()) {
    if (message.operation !== 0) {
      writer.uint32(8).int32(message.operation);
    }
    for (const v of message.fields) {
      FieldDelta.encode(v, writer.uint32(18).fork()).join();
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBasePayload();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.operation = reader.int32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.fields.push(FieldDelta.decode(reader, reader.uint32()));
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Payload.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBasePayload();
    message.operation = object.operation ?? 0;
    message.fields = object.fields?.map((e) => FieldDelta.fromPartial(e)) || [];
    return message;
  }
};
function createBaseChange() {
  return { replica: 0n, seq: 0n, hlc: 0n, payload: new Uint8Array(0), principal: "" };
}
var Change = {
  encode(message, writer = new BinaryWriter()) {
    if (message.replica !== 0n) {
      if (BigInt.asUintN(64, message.replica) !== message.replica) {
        throw new globalThis.Error("value provided for field message.replica of type uint64 too large");
      }
      writer.uint32(8).uint64(message.replica);
    }
    if (message.seq !== 0n) {
      if (BigInt.asUintN(64, message.seq) !== message.seq) {
        throw new globalThis.Error("value provided for field message.seq of type uint64 too large");
      }
      writer.uint32(16).uint64(message.seq);
    }
    if (message.hlc !== 0n) {
      if (BigInt.asUintN(64, message.hlc) !== message.hlc) {
        throw new globalThis.Error("value provided for field message.hlc of type fixed64 too large");
      }
      writer.uint32(25).fixed64(message.hlc);
    }
    if (message.payload.length !== 0) {
      writer.uint32(34).bytes(message.payload);
    }
    if (message.principal !== "") {
      writer.uint32(42).string(message.principal);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseChange();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.replica = reader.uint64();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.seq = reader.uint64();
            continue;
          }
          case 3: {
            if (tag !== 25) {
              break;
            }
            message.hlc = reader.fixed64();
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.payload = reader.bytes();
            continue;
          }
          case 5: {
            if (tag !== 42) {
              break;
            }
            message.principal = reader.string();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Change.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseChange();
    message.replica = object.replica !== void 0 && object.replica !== null ? BigInt(object.replica) : 0n;
    message.seq = object.seq !== void 0 && object.seq !== null ? BigInt(object.seq) : 0n;
    message.hlc = object.hlc !== void 0 && object.hlc !== null ? BigInt(object.hlc) : 0n;
    message.payload = object.payload ?? new Uint8Array(0);
    message.principal = object.principal ?? "";
    return message;
  }
};
function createBaseDocumentState() {
  return { fields: [], logVersion: new Uint8Array(0) };
}
var DocumentState = {
  encode(message, writer = new BinaryWriter()) {
    for (const v of message.fields) {
      FieldDelta.encode(v, writer.uint32(10).fork()).join();
    }
    if (message.logVersion.length !== 0) {
      writer.uint32(18).bytes(message.logVersion);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseDocumentState();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.fields.push(FieldDelta.decode(reader, reader.uint32()));
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.logVersion = reader.bytes();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return DocumentState.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseDocumentState();
    message.fields = object.fields?.map((e) => FieldDelta.fromPartial(e)) || [];
    message.logVersion = object.logVersion ?? new Uint8Array(0);
    return message;
  }
};
function createBasePullResponse() {
  return { fields: [], state: void 0, changes: [], logVersion: new Uint8Array(0), epoch: 0n, incarnation: 0n };
}
var PullResponse = {
  encode(message, writer = new BinaryWriter()) {
    for (const v of message.fields) {
      FieldInfo.encode(v, writer.uint32(10).fork()).join();
    }
    if (message.state !== void 0) {
      DocumentState.encode(message.state, writer.uint32(18).fork()).join();
    }
    for (const v of message.changes) {
      Change.encode(v, writer.uint32(26).fork()).join();
    }
    if (message.logVersion.length !== 0) {
      writer.uint32(34).bytes(message.logVersion);
    }
    if (message.epoch !== 0n) {
      if (BigInt.asUintN(64, message.epoch) !== message.epoch) {
        throw new globalThis.Error("value provided for field message.epoch of type uint64 too large");
      }
      writer.uint32(40).uint64(message.epoch);
    }
    if (message.incarnation !== 0n) {
      if (BigInt.asUintN(64, message.incarnation) !== message.incarnation) {
        throw new globalThis.Error("value provided for field message.incarnation of type uint64 too large");
      }
      writer.uint32(48).uint64(message.incarnation);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBasePullResponse();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.fields.push(FieldInfo.decode(reader, reader.uint32()));
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.state = DocumentState.decode(reader, reader.uint32());
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.changes.push(Change.decode(reader, reader.uint32()));
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.logVersion = reader.bytes();
            continue;
          }
          case 5: {
            if (tag !== 40) {
              break;
            }
            message.epoch = reader.uint64();
            continue;
          }
          case 6: {
            if (tag !== 48) {
              break;
            }
            message.incarnation = reader.uint64();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return PullResponse.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBasePullResponse();
    message.fields = object.fields?.map((e) => FieldInfo.fromPartial(e)) || [];
    message.state = object.state !== void 0 && object.state !== null ? DocumentState.fromPartial(object.state) : void 0;
    message.changes = object.changes?.map((e) => Change.fromPartial(e)) || [];
    message.logVersion = object.logVersion ?? new Uint8Array(0);
    message.epoch = object.epoch !== void 0 && object.epoch !== null ? BigInt(object.epoch) : 0n;
    message.incarnation = object.incarnation !== void 0 && object.incarnation !== null ? BigInt(object.incarnation) : 0n;
    return message;
  }
};
function createBaseClientMessage() {
  return { message: void 0 };
}
var ClientMessage = {
  encode(message, writer = new BinaryWriter()) {
    switch (message.message?.$case) {
      case "hello":
        Hello.encode(message.message.value, writer.uint32(10).fork()).join();
        break;
      case "subscribe":
        Subscribe.encode(message.message.value, writer.uint32(18).fork()).join();
        break;
      case "unsubscribe":
        Unsubscribe.encode(message.message.value, writer.uint32(26).fork()).join();
        break;
      case "push":
        Push.encode(message.message.value, writer.uint32(34).fork()).join();
        break;
      case "ping":
        Ping.encode(message.message.value, writer.uint32(42).fork()).join();
        break;
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseClientMessage();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.message = { $case: "hello", value: Hello.decode(reader, reader.uint32()) };
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.message = { $case: "subscribe", value: Subscribe.decode(reader, reader.uint32()) };
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.message = { $case: "unsubscribe", value: Unsubscribe.decode(reader, reader.uint32()) };
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.message = { $case: "push", value: Push.decode(reader, reader.uint32()) };
            continue;
          }
          case 5: {
            if (tag !== 42) {
              break;
            }
            message.message = { $case: "ping", value: Ping.decode(reader, reader.uint32()) };
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return ClientMessage.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseClientMessage();
    switch (object.message?.$case) {
      case "hello": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "hello", value: Hello.fromPartial(object.message.value) };
        }
        break;
      }
      case "subscribe": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "subscribe", value: Subscribe.fromPartial(object.message.value) };
        }
        break;
      }
      case "unsubscribe": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "unsubscribe", value: Unsubscribe.fromPartial(object.message.value) };
        }
        break;
      }
      case "push": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "push", value: Push.fromPartial(object.message.value) };
        }
        break;
      }
      case "ping": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "ping", value: Ping.fromPartial(object.message.value) };
        }
        break;
      }
    }
    return message;
  }
};
function createBaseHello() {
  return { protocol: 0, token: "", epoch: 0n, client: "" };
}
var Hello = {
  encode(message, writer = new BinaryWriter()) {
    if (message.protocol !== 0) {
      writer.uint32(8).uint32(message.protocol);
    }
    if (message.token !== "") {
      writer.uint32(18).string(message.token);
    }
    if (message.epoch !== 0n) {
      if (BigInt.asUintN(64, message.epoch) !== message.epoch) {
        throw new globalThis.Error("value provided for field message.epoch of type uint64 too large");
      }
      writer.uint32(24).uint64(message.epoch);
    }
    if (message.client !== "") {
      writer.uint32(34).string(message.client);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseHello();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.protocol = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.token = reader.string();
            continue;
          }
          case 3: {
            if (tag !== 24) {
              break;
            }
            message.epoch = reader.uint64();
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.client = reader.string();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Hello.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseHello();
    message.protocol = object.protocol ?? 0;
    message.token = object.token ?? "";
    message.epoch = object.epoch !== void 0 && object.epoch !== null ? BigInt(object.epoch) : 0n;
    message.client = object.client ?? "";
    return message;
  }
};
function createBaseSubscribe() {
  return { request: 0, document: void 0, since: new Uint8Array(0) };
}
var Subscribe = {
  encode(message, writer = new BinaryWriter()) {
    if (message.request !== 0) {
      writer.uint32(8).uint32(message.request);
    }
    if (message.document !== void 0) {
      DocumentRef.encode(message.document, writer.uint32(18).fork()).join();
    }
    if (message.since.length !== 0) {
      writer.uint32(26).bytes(message.since);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseSubscribe();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.request = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.document = DocumentRef.decode(reader, reader.uint32());
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.since = reader.bytes();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Subscribe.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseSubscribe();
    message.request = object.request ?? 0;
    message.document = object.document !== void 0 && object.document !== null ? DocumentRef.fromPartial(object.document) : void 0;
    message.since = object.since ?? new Uint8Array(0);
    return message;
  }
};
function createBaseUnsubscribe() {
  return { channel: 0 };
}
var Unsubscribe = {
  encode(message, writer = new BinaryWriter()) {
    if (message.channel !== 0) {
      writer.uint32(8).uint32(message.channel);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseUnsubscribe();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Unsubscribe.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseUnsubscribe();
    message.channel = object.channel ?? 0;
    return message;
  }
};
function createBasePush() {
  return { channel: 0, changes: [] };
}
var Push = {
  encode(message, writer = new BinaryWriter()) {
    if (message.channel !== 0) {
      writer.uint32(8).uint32(message.channel);
    }
    for (const v of message.changes) {
      Change.encode(v, writer.uint32(18).fork()).join();
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBasePush();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.changes.push(Change.decode(reader, reader.uint32()));
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Push.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBasePush();
    message.channel = object.channel ?? 0;
    message.changes = object.changes?.map((e) => Change.fromPartial(e)) || [];
    return message;
  }
};
function createBasePing() {
  return { nonce: 0n };
}
var Ping = {
  encode(message, writer = new BinaryWriter()) {
    if (message.nonce !== 0n) {
      if (BigInt.asUintN(64, message.nonce) !== message.nonce) {
        throw new globalThis.Error("value provided for field message.nonce of type uint64 too large");
      }
      writer.uint32(8).uint64(message.nonce);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBasePing();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.nonce = reader.uint64();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Ping.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBasePing();
    message.nonce = object.nonce !== void 0 && object.nonce !== null ? BigInt(object.nonce) : 0n;
    return message;
  }
};
function createBaseServerMessage() {
  return { message: void 0 };
}
var ServerMessage = {
  encode(message, writer = new BinaryWriter()) {
    switch (message.message?.$case) {
      case "welcome":
        Welcome.encode(message.message.value, writer.uint32(10).fork()).join();
        break;
      case "subscribed":
        Subscribed.encode(message.message.value, writer.uint32(18).fork()).join();
        break;
      case "changes":
        Changes.encode(message.message.value, writer.uint32(26).fork()).join();
        break;
      case "ack":
        Ack.encode(message.message.value, writer.uint32(34).fork()).join();
        break;
      case "reject":
        Reject.encode(message.message.value, writer.uint32(42).fork()).join();
        break;
      case "pong":
        Pong.encode(message.message.value, writer.uint32(50).fork()).join();
        break;
      case "problem":
        Problem.encode(message.message.value, writer.uint32(58).fork()).join();
        break;
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseServerMessage();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 10) {
              break;
            }
            message.message = { $case: "welcome", value: Welcome.decode(reader, reader.uint32()) };
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.message = { $case: "subscribed", value: Subscribed.decode(reader, reader.uint32()) };
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.message = { $case: "changes", value: Changes.decode(reader, reader.uint32()) };
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.message = { $case: "ack", value: Ack.decode(reader, reader.uint32()) };
            continue;
          }
          case 5: {
            if (tag !== 42) {
              break;
            }
            message.message = { $case: "reject", value: Reject.decode(reader, reader.uint32()) };
            continue;
          }
          case 6: {
            if (tag !== 50) {
              break;
            }
            message.message = { $case: "pong", value: Pong.decode(reader, reader.uint32()) };
            continue;
          }
          case 7: {
            if (tag !== 58) {
              break;
            }
            message.message = { $case: "problem", value: Problem.decode(reader, reader.uint32()) };
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return ServerMessage.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseServerMessage();
    switch (object.message?.$case) {
      case "welcome": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "welcome", value: Welcome.fromPartial(object.message.value) };
        }
        break;
      }
      case "subscribed": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "subscribed", value: Subscribed.fromPartial(object.message.value) };
        }
        break;
      }
      case "changes": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "changes", value: Changes.fromPartial(object.message.value) };
        }
        break;
      }
      case "ack": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "ack", value: Ack.fromPartial(object.message.value) };
        }
        break;
      }
      case "reject": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "reject", value: Reject.fromPartial(object.message.value) };
        }
        break;
      }
      case "pong": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "pong", value: Pong.fromPartial(object.message.value) };
        }
        break;
      }
      case "problem": {
        if (object.message?.value !== void 0 && object.message?.value !== null) {
          message.message = { $case: "problem", value: Problem.fromPartial(object.message.value) };
        }
        break;
      }
    }
    return message;
  }
};
function createBaseWelcome() {
  return { protocol: 0, epoch: 0n, tenant: "", principal: "", server: "" };
}
var Welcome = {
  encode(message, writer = new BinaryWriter()) {
    if (message.protocol !== 0) {
      writer.uint32(8).uint32(message.protocol);
    }
    if (message.epoch !== 0n) {
      if (BigInt.asUintN(64, message.epoch) !== message.epoch) {
        throw new globalThis.Error("value provided for field message.epoch of type uint64 too large");
      }
      writer.uint32(16).uint64(message.epoch);
    }
    if (message.tenant !== "") {
      writer.uint32(26).string(message.tenant);
    }
    if (message.principal !== "") {
      writer.uint32(34).string(message.principal);
    }
    if (message.server !== "") {
      writer.uint32(42).string(message.server);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseWelcome();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.protocol = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.epoch = reader.uint64();
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.tenant = reader.string();
            continue;
          }
          case 4: {
            if (tag !== 34) {
              break;
            }
            message.principal = reader.string();
            continue;
          }
          case 5: {
            if (tag !== 42) {
              break;
            }
            message.server = reader.string();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Welcome.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseWelcome();
    message.protocol = object.protocol ?? 0;
    message.epoch = object.epoch !== void 0 && object.epoch !== null ? BigInt(object.epoch) : 0n;
    message.tenant = object.tenant ?? "";
    message.principal = object.principal ?? "";
    message.server = object.server ?? "";
    return message;
  }
};
function createBaseSubscribed() {
  return { request: 0, channel: 0, pull: void 0 };
}
var Subscribed = {
  encode(message, writer = new BinaryWriter()) {
    if (message.request !== 0) {
      writer.uint32(8).uint32(message.request);
    }
    if (message.channel !== 0) {
      writer.uint32(16).uint32(message.channel);
    }
    if (message.pull !== void 0) {
      PullResponse.encode(message.pull, writer.uint32(26).fork()).join();
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseSubscribed();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.request = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
          case 3: {
            if (tag !== 26) {
              break;
            }
            message.pull = PullResponse.decode(reader, reader.uint32());
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Subscribed.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseSubscribed();
    message.request = object.request ?? 0;
    message.channel = object.channel ?? 0;
    message.pull = object.pull !== void 0 && object.pull !== null ? PullResponse.fromPartial(object.pull) : void 0;
    return message;
  }
};
function createBaseChanges() {
  return { channel: 0, changes: [] };
}
var Changes = {
  encode(message, writer = new BinaryWriter()) {
    if (message.channel !== 0) {
      writer.uint32(8).uint32(message.channel);
    }
    for (const v of message.changes) {
      Change.encode(v, writer.uint32(18).fork()).join();
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseChanges();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.changes.push(Change.decode(reader, reader.uint32()));
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Changes.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseChanges();
    message.channel = object.channel ?? 0;
    message.changes = object.changes?.map((e) => Change.fromPartial(e)) || [];
    return message;
  }
};
function createBaseAck() {
  return { channel: 0, replica: 0n, seq: 0n };
}
var Ack = {
  encode(message, writer = new BinaryWriter()) {
    if (message.channel !== 0) {
      writer.uint32(8).uint32(message.channel);
    }
    if (message.replica !== 0n) {
      if (BigInt.asUintN(64, message.replica) !== message.replica) {
        throw new globalThis.Error("value provided for field message.replica of type uint64 too large");
      }
      writer.uint32(16).uint64(message.replica);
    }
    if (message.seq !== 0n) {
      if (BigInt.asUintN(64, message.seq) !== message.seq) {
        throw new globalThis.Error("value provided for field message.seq of type uint64 too large");
      }
      writer.uint32(24).uint64(message.seq);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseAck();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.replica = reader.uint64();
            continue;
          }
          case 3: {
            if (tag !== 24) {
              break;
            }
            message.seq = reader.uint64();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Ack.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseAck();
    message.channel = object.channel ?? 0;
    message.replica = object.replica !== void 0 && object.replica !== null ? BigInt(object.replica) : 0n;
    message.seq = object.seq !== void 0 && object.seq !== null ? BigInt(object.seq) : 0n;
    return message;
  }
};
function createBaseReject() {
  return { channel: 0, replica: 0n, seq: 0n, code: 0, message: "", expectedSeq: 0n };
}
var Reject = {
  encode(message, writer = new BinaryWriter()) {
    if (message.channel !== 0) {
      writer.uint32(8).uint32(message.channel);
    }
    if (message.replica !== 0n) {
      if (BigInt.asUintN(64, message.replica) !== message.replica) {
        throw new globalThis.Error("value provided for field message.replica of type uint64 too large");
      }
      writer.uint32(16).uint64(message.replica);
    }
    if (message.seq !== 0n) {
      if (BigInt.asUintN(64, message.seq) !== message.seq) {
        throw new globalThis.Error("value provided for field message.seq of type uint64 too large");
      }
      writer.uint32(24).uint64(message.seq);
    }
    if (message.code !== 0) {
      writer.uint32(32).int32(message.code);
    }
    if (message.message !== "") {
      writer.uint32(42).string(message.message);
    }
    if (message.expectedSeq !== 0n) {
      if (BigInt.asUintN(64, message.expectedSeq) !== message.expectedSeq) {
        throw new globalThis.Error("value provided for field message.expectedSeq of type uint64 too large");
      }
      writer.uint32(48).uint64(message.expectedSeq);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseReject();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.channel = reader.uint32();
            continue;
          }
          case 2: {
            if (tag !== 16) {
              break;
            }
            message.replica = reader.uint64();
            continue;
          }
          case 3: {
            if (tag !== 24) {
              break;
            }
            message.seq = reader.uint64();
            continue;
          }
          case 4: {
            if (tag !== 32) {
              break;
            }
            message.code = reader.int32();
            continue;
          }
          case 5: {
            if (tag !== 42) {
              break;
            }
            message.message = reader.string();
            continue;
          }
          case 6: {
            if (tag !== 48) {
              break;
            }
            message.expectedSeq = reader.uint64();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Reject.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseReject();
    message.channel = object.channel ?? 0;
    message.replica = object.replica !== void 0 && object.replica !== null ? BigInt(object.replica) : 0n;
    message.seq = object.seq !== void 0 && object.seq !== null ? BigInt(object.seq) : 0n;
    message.code = object.code ?? 0;
    message.message = object.message ?? "";
    message.expectedSeq = object.expectedSeq !== void 0 && object.expectedSeq !== null ? BigInt(object.expectedSeq) : 0n;
    return message;
  }
};
function createBasePong() {
  return { nonce: 0n };
}
var Pong = {
  encode(message, writer = new BinaryWriter()) {
    if (message.nonce !== 0n) {
      if (BigInt.asUintN(64, message.nonce) !== message.nonce) {
        throw new globalThis.Error("value provided for field message.nonce of type uint64 too large");
      }
      writer.uint32(8).uint64(message.nonce);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBasePong();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.nonce = reader.uint64();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Pong.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBasePong();
    message.nonce = object.nonce !== void 0 && object.nonce !== null ? BigInt(object.nonce) : 0n;
    return message;
  }
};
function createBaseProblem() {
  return { code: 0, message: "", request: 0, fatal: false };
}
var Problem = {
  encode(message, writer = new BinaryWriter()) {
    if (message.code !== 0) {
      writer.uint32(8).int32(message.code);
    }
    if (message.message !== "") {
      writer.uint32(18).string(message.message);
    }
    if (message.request !== 0) {
      writer.uint32(24).uint32(message.request);
    }
    if (message.fatal !== false) {
      writer.uint32(32).bool(message.fatal);
    }
    return writer;
  },
  decode(input, length) {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    const previousRecursionDepth = reader.__tsProtoDecodeDepth ?? 0;
    if (previousRecursionDepth >= 100) {
      throw new globalThis.Error("protobuf decode recursion limit exceeded");
    }
    reader.__tsProtoDecodeDepth = previousRecursionDepth + 1;
    try {
      const end = length === void 0 ? reader.len : reader.pos + length;
      const message = createBaseProblem();
      while (reader.pos < end) {
        const tag = reader.uint32();
        switch (tag >>> 3) {
          case 1: {
            if (tag !== 8) {
              break;
            }
            message.code = reader.int32();
            continue;
          }
          case 2: {
            if (tag !== 18) {
              break;
            }
            message.message = reader.string();
            continue;
          }
          case 3: {
            if (tag !== 24) {
              break;
            }
            message.request = reader.uint32();
            continue;
          }
          case 4: {
            if (tag !== 32) {
              break;
            }
            message.fatal = reader.bool();
            continue;
          }
        }
        if ((tag & 7) === 4 || tag === 0) {
          break;
        }
        reader.skip(tag & 7);
      }
      return message;
    } finally {
      reader.__tsProtoDecodeDepth = previousRecursionDepth;
    }
  },
  create(base) {
    return Problem.fromPartial(base ?? {});
  },
  fromPartial(object) {
    const message = createBaseProblem();
    message.code = object.code ?? 0;
    message.message = object.message ?? "";
    message.request = object.request ?? 0;
    message.fatal = object.fatal ?? false;
    return message;
  }
};

// src/errors.ts
var coreCodes = ["malformed", "wrong_type", "out_of_range", "too_large", "clock", "invalid"];
var ConvergeError = class extends Error {
  constructor(code, message, detail = "") {
    super(message);
    this.code = code;
    this.detail = detail;
  }
  code;
  detail;
  name = "ConvergeError";
};
function coreError(code, message, detail) {
  return new ConvergeError(coreCodes[code] ?? `error_${code}`, message, detail);
}
function codeName(code) {
  const name = Code[code];
  return name === void 0 ? `code_${code}` : name.replace(/^CODE_/, "").toLowerCase();
}

// src/core/packing.ts
var encoder = new TextEncoder();
var decoder = new TextDecoder("utf-8", { fatal: true });
var Packer = class {
  #bytes = new Uint8Array(256);
  #size = 0;
  u32(value) {
    this.#room(4);
    new DataView(this.#bytes.buffer).setUint32(this.#size, value, true);
    this.#size += 4;
    return this;
  }
  u64(value) {
    this.#room(8);
    new DataView(this.#bytes.buffer).setBigUint64(this.#size, value, true);
    this.#size += 8;
    return this;
  }
  bytes(value) {
    this.u32(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
    return this;
  }
  text(value) {
    return this.bytes(encoder.encode(value));
  }
  packed() {
    return this.#bytes.subarray(0, this.#size);
  }
  #room(more) {
    if (this.#size + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + more));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
};
var Unpacker = class {
  constructor(packed) {
    this.packed = packed;
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  }
  packed;
  #view;
  #at = 0;
  u32() {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  u64() {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }
  bytes() {
    const size = this.u32();
    this.#at += size;
    return this.packed.slice(this.#at - size, this.#at);
  }
  text() {
    return decoder.decode(this.bytes());
  }
  list(element) {
    return Array.from({ length: this.u32() }, element);
  }
};

// src/core/module.ts
var encoder2 = new TextEncoder();
var decoder2 = new TextDecoder("utf-8", { fatal: true });
var loneSurrogate = /\p{Surrogate}/u;
var CoreModule = class _CoreModule {
  #memory;
  #exports;
  constructor(instance, seed) {
    this.#memory = instance.exports["memory"];
    this.#exports = instance.exports;
    this.#exports["_initialize"]?.();
    this.#exports["converge_seed"](...seed);
  }
  static async load(source) {
    const module = await compile(source);
    const random = globalThis.crypto ?? (await nodeModule("node:crypto")).webcrypto;
    return new _CoreModule(await WebAssembly.instantiate(module, {}), random.getRandomValues(new BigUint64Array(4)));
  }
  /** Calls `name` and returns what it returns. */
  call(name, ...values) {
    return Number(this.#exports[name](...this.#lower(values)));
  }
  /** Calls a function that may fail (it returns 0, or 1 + ErrorCode) and returns
   * its output. Throws a ConvergeError. */
  run(name, ...values) {
    const status = this.call(name, ...values);
    const output = this.#output();
    if (status === 0) return output;
    const fields2 = new Unpacker(output);
    throw coreError(status - 1, fields2.text(), fields2.text());
  }
  /** As run(), for output that is UTF-8 text. */
  runText(name, ...values) {
    return decoder2.decode(this.run(name, ...values));
  }
  // A copy: the module's memory is overwritten by the next call, and views of
  // it go stale when it grows.
  #output() {
    const at = this.call("converge_output");
    return new Uint8Array(this.#memory.buffer, at, this.call("converge_output_size")).slice();
  }
  // All texts and bytes of a call go into one input buffer, one after another.
  #lower(values) {
    let room = 0;
    for (const value of values) {
      if (typeof value === "string") room += value.length * 3;
      else if (value instanceof Uint8Array) room += value.length;
    }
    if (room === 0 && !values.some((value) => typeof value === "string" || value instanceof Uint8Array)) {
      return values;
    }
    let at = Number(this.#exports["converge_input"](room));
    const lowered = [];
    for (const value of values) {
      if (typeof value === "string") {
        if (loneSurrogate.test(value)) throw coreError(5, "text holds half of a surrogate pair", "");
        const { written } = encoder2.encodeInto(value, new Uint8Array(this.#memory.buffer, at, value.length * 3));
        lowered.push(at, written);
        at += written;
      } else if (value instanceof Uint8Array) {
        new Uint8Array(this.#memory.buffer, at, value.length).set(value);
        lowered.push(at, value.length);
        at += value.length;
      } else {
        lowered.push(value);
      }
    }
    return lowered;
  }
};
async function compile(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  if (typeof source === "string" || source instanceof URL) {
    const address = new URL(source, globalThis.location?.href);
    if (address.protocol === "file:") {
      const files = await nodeModule("node:fs/promises");
      return WebAssembly.compile(await files.readFile(address));
    }
    source = fetch(address);
  }
  const response = await source;
  if (!response.ok) throw new Error(`cannot load the core from ${response.url}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
function nodeModule(name) {
  return import(name);
}

// src/core/session.ts
var FieldType = /* @__PURE__ */ ((FieldType2) => {
  FieldType2[FieldType2["lww_map"] = 1] = "lww_map";
  FieldType2[FieldType2["or_set"] = 2] = "or_set";
  FieldType2[FieldType2["crdt_text"] = 3] = "crdt_text";
  FieldType2[FieldType2["pn_counter"] = 4] = "pn_counter";
  FieldType2[FieldType2["g_counter"] = 5] = "g_counter";
  FieldType2[FieldType2["mv_register"] = 6] = "mv_register";
  FieldType2[FieldType2["lww_set"] = 7] = "lww_set";
  return FieldType2;
})(FieldType || {});
var freed = new FinalizationRegistry((free) => free());
var DocumentSession = class {
  #core;
  #handle;
  constructor(core2) {
    this.#core = core2;
    const handle = this.#handle = core2.call("converge_session_new");
    freed.register(this, () => core2.call("converge_session_free", handle), this);
  }
  /** Gives the memory back; the session must not be used afterwards. */
  free() {
    if (freed.unregister(this)) this.#core.call("converge_session_free", this.#handle);
  }
  // ---- what the server says
  onFields(fields2) {
    const packer = new Packer().u32(fields2.length);
    for (const { field, type } of fields2) packer.text(field).u32(type);
    this.#run("converge_session_on_fields", packer.packed());
  }
  onState(fields2, logVersion) {
    return unpackUpdate(new Unpacker(this.#run("converge_session_on_state", packFields(new Packer(), fields2).packed(), logVersion)));
  }
  onChanges(changes) {
    const packer = new Packer().u32(changes.length);
    for (const change of changes) {
      packer.u64(change.replica).u64(change.seq).u64(change.hlc).u32(change.operation).u32(change.refused ? 1 : 0);
      packFields(packer, change.fields);
    }
    return unpackUpdate(new Unpacker(this.#run("converge_session_on_changes", packer.packed())));
  }
  /** The end of every pull: what the client has now. */
  onCaughtUp(logVersion) {
    this.#run("converge_session_on_caught_up", logVersion);
  }
  onAck(replica, seq) {
    this.#run("converge_session_on_ack", replica, seq);
  }
  /** Returns what was refused, or undefined where the verdict only asks to send again. */
  onReject(replica, seq, code, message, expectedSeq) {
    const output = this.#run("converge_session_on_reject", replica, seq, code, message, expectedSeq);
    const fields2 = new Unpacker(output);
    if (fields2.u32() === 0) return void 0;
    return { seq: fields2.u64(), code: fields2.u32(), message: fields2.text(), lost: unpackFields(fields2), reapplied: fields2.u32(), update: unpackUpdate(fields2) };
  }
  onEpoch(epoch) {
    this.#run("converge_session_on_epoch", epoch);
  }
  // ---- local edits; positions in UTF-16 units
  beginChange(nowMs) {
    this.#run("converge_session_begin_change", BigInt(Math.trunc(nowMs)));
  }
  /** Whether the change held anything to send. */
  commitChange() {
    return new Unpacker(this.#run("converge_session_commit_change")).u32() !== 0;
  }
  /** Replaces `count` units at `at` by `text`. */
  textSplice(field, at, count, text) {
    this.#run("converge_session_text_splice", field, at, count, text);
  }
  mapSet(field, key, json) {
    this.#run("converge_session_map_set", field, key, json);
  }
  mapUnset(field, key) {
    this.#run("converge_session_map_unset", field, key);
  }
  setAdd(field, element) {
    this.#run("converge_session_set_add", field, element);
  }
  setRemove(field, element) {
    this.#run("converge_session_set_remove", field, element);
  }
  // ---- what to send
  /** Changes to offer, oldest first, all of one replica: from number `fromSeq`
   * on, until they hold `maxBytes` (one at least). */
  unacknowledged(fromSeq, maxBytes) {
    const fields2 = new Unpacker(this.#run("converge_session_unacknowledged", fromSeq, maxBytes));
    return fields2.list(() => ({ replica: fields2.u64(), seq: fields2.u64(), hlc: fields2.u64(), fields: unpackFields(fields2) }));
  }
  /** The number of changes without an acknowledgement. */
  journalSize() {
    return this.#core.call("converge_session_journal_size", this.#handle);
  }
  needsPull() {
    return this.#core.call("converge_session_needs_pull", this.#handle) !== 0;
  }
  logVersion() {
    return this.#run("converge_session_log_version");
  }
  // ---- what the user sees
  text(field) {
    return this.#core.runText("converge_session_text", this.#handle, field);
  }
  /** The map as one JSON object. */
  mapJson(field) {
    return this.#core.runText("converge_session_map_json", this.#handle, field);
  }
  setElements(field) {
    const elements = new Unpacker(this.#run("converge_session_set_elements", field));
    return elements.list(() => elements.text());
  }
  #run(name, ...values) {
    return this.#core.run(name, this.#handle, ...values);
  }
};
function packFields(packer, fields2) {
  packer.u32(fields2.length);
  for (const { field, delta } of fields2) packer.text(field).bytes(delta);
  return packer;
}
function unpackFields(fields2) {
  return fields2.list(() => ({ field: fields2.text(), delta: fields2.bytes() }));
}
function unpackUpdate(fields2) {
  return {
    fields: fields2.list(() => ({
      field: fields2.text(),
      splices: fields2.list(() => ({ at: fields2.u32(), removed: fields2.u32(), inserted: fields2.text() }))
    })),
    deleted: fields2.u32() !== 0,
    needsPull: fields2.u32() !== 0
  };
}

// test/loopback.ts
var Loopback = class {
  constructor(core2) {
    this.core = core2;
    const server = this;
    this.WebSocket = class extends Socket {
      constructor(url) {
        super(server);
        this.url = url;
      }
      url;
    };
  }
  core;
  epoch = 1n;
  incarnation = 1n;
  log = [];
  /** the verdict on a change, when it is not to be taken */
  verdict = () => void 0;
  /** whether connections can be made */
  up = true;
  /** acknowledgements are lost */
  mute = false;
  greetings = 0;
  WebSocket;
  #open = /* @__PURE__ */ new Set();
  /** Breaks every connection without a word. */
  cut() {
    for (const socket of [...this.#open]) socket.end(1006);
  }
  connected(socket) {
    this.#open.add(socket);
  }
  gone(socket) {
    this.#open.delete(socket);
  }
  receive(socket, { message }) {
    switch (message?.$case) {
      case "hello":
        this.greetings++;
        if (message.value.token === "forged") {
          socket.give({ $case: "problem", value: { code: 11 /* CODE_UNAUTHENTICATED */, message: "token does not verify", request: 0, fatal: true } });
        } else {
          socket.give({ $case: "welcome", value: { protocol: 1, epoch: this.epoch, tenant: "acme", principal: message.value.token, server: "loopback" } });
        }
        break;
      case "subscribe":
        if (message.value.document?.key !== "welcome") {
          socket.give({ $case: "problem", value: { code: 9 /* CODE_UNKNOWN_DOCUMENT */, message: "no such document", request: message.value.request, fatal: false } });
          break;
        }
        socket.subscribed = true;
        socket.give({
          $case: "subscribed",
          value: { request: message.value.request, channel: 7, pull: { fields, state: void 0, changes: this.log, logVersion: this.#logVersion(), epoch: this.epoch, incarnation: this.incarnation } }
        });
        break;
      case "unsubscribe":
        socket.subscribed = false;
        break;
      case "push":
        for (const change of message.value.changes) this.#push(socket, change);
        break;
      case "ping":
        socket.give({ $case: "pong", value: { nonce: message.value.nonce } });
    }
  }
  #push(socket, change) {
    const { replica, seq } = change;
    const logged = this.log.filter((each) => each.replica === replica);
    const last = logged.at(-1)?.seq ?? 0n;
    const reject = (code, expectedSeq = 0n) => socket.give({ $case: "reject", value: { channel: 7, replica, seq, code, message: Code[code], expectedSeq } });
    if (seq > last + 1n) return reject(2 /* CODE_GAP */, last + 1n);
    if (seq === last + 1n) {
      if (logged.some(({ payload }) => payload.length === 0)) return reject(8 /* CODE_AFTER_REFUSED */);
      const code = this.verdict(change);
      if (code !== void 0 && code !== 12 /* CODE_UNAVAILABLE */) this.log.push({ ...change, payload: new Uint8Array() });
      if (code !== void 0) return reject(code);
      const stored = { ...change, principal: socket.principal };
      this.log.push(stored);
      for (const other of this.#open) {
        if (other.subscribed) other.give({ $case: "changes", value: { channel: 7, changes: [stored] } });
      }
    }
    if (!this.mute) socket.give({ $case: "ack", value: { channel: 7, replica, seq } });
  }
  #logVersion() {
    const session = new DocumentSession(this.core);
    session.onFields(fields);
    session.onChanges(this.log.map(({ replica, seq, hlc, payload }) => ({ replica, seq, hlc, operation: 0, refused: payload.length === 0, fields: [] })));
    const version = session.logVersion();
    session.free();
    return version;
  }
};
var fields = [
  { field: "body", type: 3 /* crdt_text */ },
  { field: "props", type: 1 /* lww_map */ },
  { field: "tags", type: 2 /* or_set */ }
];
var Socket = class {
  constructor(server) {
    this.server = server;
    setTimeout(() => {
      if (!server.up) return this.end(1006);
      if (this.readyState !== 0) return;
      this.readyState = 1;
      server.connected(this);
      this.#tell("open", {});
    });
  }
  server;
  binaryType = "";
  readyState = 0;
  bufferedAmount = 0;
  subscribed = false;
  principal = "";
  #listeners = /* @__PURE__ */ new Map();
  addEventListener(type, listener) {
    this.#listeners.set(type, [...this.#listeners.get(type) ?? [], listener]);
  }
  send(data) {
    const bytes = data.slice();
    setTimeout(() => {
      if (this.readyState !== 1) return;
      const message = ClientMessage.decode(bytes);
      if (message.message?.$case === "hello") this.principal = message.message.value.token;
      this.server.receive(this, message);
    });
  }
  give(message) {
    const bytes = ServerMessage.encode({ message }).finish();
    setTimeout(() => {
      if (this.readyState === 1) this.#tell("message", { data: bytes.slice().buffer });
    });
  }
  close(code = 1e3) {
    this.end(code);
  }
  end(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.gone(this);
    this.#tell("close", { code, reason: "" });
  }
  #tell(type, event) {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
};

// src/emitter.ts
var Emitter = class {
  #listeners = /* @__PURE__ */ new Map();
  /** Calls `listener` at each `name` event, until the returned function is called. */
  on(name, listener) {
    let set = this.#listeners.get(name);
    if (set === void 0) this.#listeners.set(name, set = /* @__PURE__ */ new Set());
    const held = (value) => listener(value);
    set.add(held);
    return () => set.delete(held);
  }
  /** Resolves with the next `name` event. */
  once(name) {
    return new Promise((resolve) => {
      const off = this.on(name, (value) => {
        off();
        resolve(value);
      });
    });
  }
  emit(name, value) {
    for (const listener of [...this.#listeners.get(name) ?? []]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
};

// src/connection.ts
var protocolVersion = 1;
var pingEveryMs = 3e4;
var pongWithinMs = 1e4;
var welcomeWithinMs = 15e3;
var firstRetryMs = 250;
var lastRetryMs = 3e4;
var final = /* @__PURE__ */ new Set([11 /* CODE_UNAUTHENTICATED */, 14 /* CODE_UNSUPPORTED_VERSION */, 13 /* CODE_PROTOCOL */]);
var Connection = class extends Emitter {
  constructor(options) {
    super();
    this.options = options;
  }
  options;
  wire = { sentBytes: 0, receivedBytes: 0, sentMessages: 0, receivedMessages: 0 };
  #state = "offline";
  #socket;
  #wanted = false;
  #attempts = 0;
  #epoch = 0n;
  #retry;
  #watchdog;
  #nonce = 0n;
  get state() {
    return this.#state;
  }
  /** The epoch of the server last seen, 0 before the first greeting. */
  get epoch() {
    return this.#epoch;
  }
  /** Bytes handed to the socket that it has not sent yet. */
  get bufferedBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }
  /** Connects, and again whenever the connection is lost, until disconnect(). */
  connect() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempts = 0;
    void this.#dial();
  }
  disconnect() {
    this.#wanted = false;
    this.#drop();
    this.#become("offline");
  }
  /** Ends a wait between two tries: the network may be there again. */
  hurry() {
    if (this.#state === "waiting") void this.#dial();
  }
  /** Drops the connection and makes it anew after the usual wait. */
  restart() {
    if (this.#state === "online") this.#failed(new ConvergeError("unavailable", "connection restarted"));
  }
  /** Sends if the greeting is done; what is sent at other times is lost. */
  send(message) {
    if (this.#state === "online") this.#transmit(message);
  }
  async #dial() {
    this.#drop();
    this.#become("connecting");
    let token;
    let socket;
    try {
      const { token: given } = this.options;
      token = typeof given === "string" ? given : await given();
      if (this.#state !== "connecting" || this.#socket !== void 0) return;
      socket = new this.options.WebSocket(this.options.url);
    } catch (error) {
      this.#failed(new ConvergeError("unavailable", error instanceof Error ? error.message : String(error)));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const current = () => this.#socket === socket;
    socket.addEventListener("open", () => {
      if (!current()) return;
      this.#transmit({
        $case: "hello",
        value: { protocol: protocolVersion, token, epoch: this.#epoch, client: this.options.name }
      });
    });
    socket.addEventListener("message", ({ data }) => {
      if (current()) this.#receive(data);
    });
    socket.addEventListener("error", () => {
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (!current()) return;
      this.#failed(new ConvergeError("unavailable", "connection closed", `close code ${code}${reason ? `: ${reason}` : ""}`));
    });
    this.#watch(welcomeWithinMs, "no greeting from the server");
  }
  #receive(data) {
    let message;
    try {
      const bytes = new Uint8Array(data);
      this.wire.receivedBytes += bytes.length + headerSize(bytes.length);
      this.wire.receivedMessages++;
      message = ServerMessage.decode(bytes).message;
    } catch (error) {
      this.#failed(new ConvergeError("protocol", "server sent what is no message", String(error)));
      return;
    }
    if (message === void 0) return;
    switch (message.$case) {
      case "welcome":
        this.#epoch = message.value.epoch;
        this.#attempts = 0;
        this.#become("online");
        this.#schedulePing();
        this.emit("welcome", message.value);
        break;
      case "pong":
        if (message.value.nonce === this.#nonce) this.#schedulePing();
        break;
      case "problem":
        this.emit("message", message);
        if (message.value.fatal) this.#failed(problemError(message.value), final.has(message.value.code));
        break;
      default:
        this.emit("message", message);
    }
  }
  #transmit(message) {
    const bytes = ClientMessage.encode({ message }).finish();
    this.wire.sentBytes += bytes.length + headerSize(bytes.length) + 4;
    this.wire.sentMessages++;
    this.#socket?.send(bytes);
  }
  #schedulePing() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#transmit({ $case: "ping", value: { nonce: ++this.#nonce } });
      this.#watch(pongWithinMs, "no answer to a ping");
    }, pingEveryMs);
  }
  #watch(ms, complaint) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#failed(new ConvergeError("unavailable", complaint, `after ${ms} ms`)), ms);
  }
  #failed(error, forGood = false) {
    this.#drop();
    if (!this.#wanted || forGood) {
      this.#wanted = false;
      this.#become("offline");
    } else {
      const ceiling = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempts++);
      this.#retry = setTimeout(() => void this.#dial(), ceiling * (0.5 + Math.random() / 2));
      this.#become("waiting");
    }
    this.emit("failure", error);
  }
  #drop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = void 0;
    try {
      socket?.close(1e3);
    } catch {
    }
  }
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }
};
function problemError(problem) {
  return new ConvergeError(codeName(problem.code), problem.message);
}
function headerSize(payload) {
  return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

// src/splice.ts
var isHigh = (unit) => unit >= 55296 && unit < 56320;
var isLow = (unit) => unit >= 56320 && unit < 57344;
function cutsPair(text, at) {
  return at > 0 && at < text.length && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at));
}
function spliceBetween(before, after, end) {
  if (before === after) return void 0;
  const shorter = Math.min(before.length, after.length);
  const tailLimit = end === void 0 ? 0 : Math.min(shorter, Math.max(0, after.length - end));
  let tail = 0;
  while (tail < tailLimit && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail++;
  let head = 0;
  const headLimit = shorter - tail;
  while (head < headLimit && before.charCodeAt(head) === after.charCodeAt(head)) head++;
  while (tail < shorter - head && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail++;
  if (cutsPair(before, head) || cutsPair(after, head)) head--;
  if (cutsPair(before, before.length - tail) || cutsPair(after, after.length - tail)) tail--;
  return { at: head, removed: before.length - head - tail, inserted: after.slice(head, after.length - tail) };
}

// src/fields.ts
var FieldView = class {
  constructor(host, name) {
    this.host = host;
    this.name = name;
  }
  host;
  name;
};
var TextField = class extends FieldView {
  type = 3 /* crdt_text */;
  #value;
  get value() {
    return this.#value ??= this.host.session.text(this.name);
  }
  get length() {
    return this.value.length;
  }
  insert(at, text) {
    this.splice(at, 0, text);
  }
  delete(at, count) {
    this.splice(at, count, "");
  }
  /** Replaces `count` units at `at` by `text`. */
  splice(at, count, text) {
    this.#check(at);
    this.#check(at + count);
    if (count === 0 && text === "") return;
    this.host.edit(this, (session) => {
      session.textSplice(this.name, at, count, text);
      this.#value = this.value.slice(0, at) + text + this.value.slice(at + count);
      return { at, removed: count, inserted: text };
    });
  }
  /** Makes the text `text` by one splice. */
  assign(text) {
    const splice = spliceBetween(this.value, text);
    if (splice) this.splice(splice.at, splice.removed, splice.inserted);
  }
  toString() {
    return this.value;
  }
  forget() {
    this.#value = void 0;
  }
  #check(at) {
    const { value } = this;
    if (!Number.isSafeInteger(at) || at < 0 || at > value.length) {
      throw new ConvergeError("out_of_range", "text position is out of range", `position ${at}, length ${value.length}`);
    }
    if (cutsPair(value, at)) {
      throw new ConvergeError("out_of_range", "text position is inside a surrogate pair", `position ${at}`);
    }
  }
};
var MapField = class extends FieldView {
  type = 1 /* lww_map */;
  #value;
  get(key) {
    return this.#read().get(key);
  }
  has(key) {
    return this.#read().has(key);
  }
  set(key, value) {
    const json = JSON.stringify(value);
    if (json === void 0) throw new ConvergeError("invalid", "value is not JSON", `of type ${typeof value}`);
    this.host.edit(this, (session) => {
      session.mapSet(this.name, key, json);
      this.forget();
    });
  }
  unset(key) {
    this.host.edit(this, (session) => {
      session.mapUnset(this.name, key);
      this.forget();
    });
  }
  /** Its entries, in the order of their keys. */
  entries() {
    return [...this.#read()];
  }
  get size() {
    return this.#read().size;
  }
  toJSON() {
    return Object.fromEntries(this.#read());
  }
  forget() {
    this.#value = void 0;
  }
  #read() {
    if (this.#value === void 0) {
      const entries = Object.entries(JSON.parse(this.host.session.mapJson(this.name)));
      this.#value = new Map(entries.sort(([a], [b]) => a < b ? -1 : 1));
    }
    return this.#value;
  }
};
var SetField = class extends FieldView {
  type = 2 /* or_set */;
  #elements;
  has(element) {
    return this.values().includes(element);
  }
  add(element) {
    this.host.edit(this, (session) => {
      session.setAdd(this.name, element);
      this.forget();
    });
  }
  remove(element) {
    this.host.edit(this, (session) => {
      session.setRemove(this.name, element);
      this.forget();
    });
  }
  /** Its elements, sorted. */
  values() {
    return this.#elements ??= this.host.session.setElements(this.name);
  }
  get size() {
    return this.values().length;
  }
  forget() {
    this.#elements = void 0;
  }
};

// src/document.ts
var pushBytes = 128 * 1024;
var windowBytes = 512 * 1024;
var oneByOne = 64;
var Document = class extends Emitter {
  constructor(core2, host, collection, key) {
    super();
    this.core = core2;
    this.host = host;
    this.collection = collection;
    this.key = key;
    this.#session = new DocumentSession(core2);
    let resolve;
    let reject;
    const promise = new Promise((yes, no) => (resolve = yes, reject = no));
    promise.catch(() => {
    });
    this.#opened = { promise, resolve, reject };
  }
  core;
  host;
  collection;
  key;
  #session;
  #incarnation = 0n;
  #fields = /* @__PURE__ */ new Map();
  #opened;
  #known = [];
  #state = "opening";
  /** What travels on this connection without a verdict yet: numbers of one
   * replica, the oldest first, and their sizes. */
  #sent = [];
  #sentReplica = 0n;
  #pending = 0;
  #depth = 0;
  #edited = /* @__PURE__ */ new Map();
  #failure;
  get state() {
    return this.#state;
  }
  /** Why the state is `refused`. */
  get failure() {
    return this.#failure;
  }
  /** The number of changes that the server has not acknowledged. */
  get pending() {
    return this.#pending;
  }
  /** The document's fields, by name. */
  get fields() {
    return this.#known;
  }
  text(field) {
    return this.#field(field, TextField, 3 /* crdt_text */);
  }
  map(field) {
    return this.#field(field, MapField, 1 /* lww_map */);
  }
  set(field) {
    return this.#field(field, SetField, 2 /* or_set */);
  }
  /** Makes all edits inside `edits` one change, which others see as a whole. If
   * `edits` throws, the edits before the throw are still made. */
  transact(edits) {
    if (this.#state === "closed" || this.#state === "opening") {
      throw new ConvergeError("invalid", `document "${this.collection}/${this.key}" is ${this.#state === "closed" ? "closed" : "not open yet"}`);
    }
    if (this.#depth === 0) this.#session.beginChange(this.host.now());
    this.#depth++;
    try {
      edits();
    } finally {
      this.#depth--;
      if (this.#depth === 0) this.#commit();
    }
  }
  edit(field, edit) {
    this.transact(() => {
      const splice = edit(this.#session);
      const splices = this.#edited.get(field) ?? [];
      if (splice) splices.push(splice);
      this.#edited.set(field, splices);
    });
  }
  /** Resolves once the server has acknowledged every local change made so far. */
  async acknowledged() {
    while (this.#pending > 0) await this.once("pending");
  }
  /** Stops following the document. Changes without an acknowledgement are given up. */
  close() {
    if (this.#state === "closed") return;
    this.host.close(this);
    this.#opened.reject(new ConvergeError("invalid", "document was closed"));
    this.#become("closed");
    this.#session.free();
  }
  // ---- for the client
  /** Resolves when the document is first there; rejects when it is refused before. */
  get opened() {
    return this.#opened.promise;
  }
  get session() {
    return this.#session;
  }
  logVersion() {
    return this.#session.logVersion();
  }
  onEpoch(epoch) {
    this.#session.onEpoch(epoch);
    this.#countPending();
  }
  onSubscribed(pull) {
    if (this.#incarnation !== 0n && pull.incarnation !== this.#incarnation) {
      this.#incarnation = pull.incarnation;
      this.#begin();
      this.host.pull(this);
      return;
    }
    this.#incarnation = pull.incarnation;
    this.#session.onEpoch(pull.epoch);
    this.#session.onFields(pull.fields);
    this.#known = pull.fields.map(({ field, type }) => ({ field, type }));
    if (pull.state) this.#show("remote", this.#session.onState(pull.state.fields, pull.state.logVersion), []);
    this.#apply(pull.changes);
    this.#session.onCaughtUp(pull.logVersion);
    this.#sent = [];
    this.#become("live");
    this.#countPending();
    this.#opened.resolve();
    this.host.schedule(this);
  }
  onChanges(changes) {
    this.#apply(changes);
    this.#countPending();
    if (this.#session.needsPull()) this.host.pull(this);
    else this.host.schedule(this);
  }
  onAck(replica, seq) {
    this.#session.onAck(replica, seq);
    if (replica === this.#sentReplica) this.#sent = this.#sent.filter((sent) => sent.seq > seq);
    this.#countPending();
    this.host.schedule(this);
  }
  onReject(replica, seq, code, message, expectedSeq) {
    const refusal = this.#session.onReject(replica, seq, code, message, expectedSeq);
    if (replica === this.#sentReplica) this.#sent = this.#sent.filter((sent) => sent.seq < seq && (code !== 2 /* CODE_GAP */ || sent.seq < expectedSeq));
    if (refusal) this.#refused(refusal);
    this.#countPending();
    if (this.#session.needsPull()) this.host.pull(this);
    else if (code === 12 /* CODE_UNAVAILABLE */ || code === 15 /* CODE_LIMIT */ || code === 11 /* CODE_UNAUTHENTICATED */) this.host.postpone(this);
    else this.host.schedule(this);
  }
  onDetached() {
    this.#sent = [];
    if (this.#state === "live") this.#become("detached");
  }
  onRefused(error) {
    this.#failure = error;
    this.#become("refused");
    this.#opened.reject(error);
  }
  /** The next changes to send in one message; empty when there are none or
   * enough is under way. They count as sent from now on. */
  sendable() {
    if (this.#state !== "live") return [];
    const travelling = this.#sent.reduce((sum, { bytes }) => sum + bytes, 0);
    if (travelling >= windowBytes) return [];
    const last = this.#sent.at(-1)?.seq;
    const next = this.#session.unacknowledged(last === void 0 ? 0n : last + 1n, pushBytes);
    const replica = next[0]?.replica;
    if (replica === void 0 || last !== void 0 && replica !== this.#sentReplica) return [];
    this.#sentReplica = replica;
    return next.map((change) => {
      const onWire = wireChange(change);
      this.#sent.push({ seq: change.seq, bytes: onWire.payload.length });
      return onWire;
    });
  }
  // ---- inside
  #begin() {
    const splices = /* @__PURE__ */ new Map();
    for (const view of this.#fields.values()) {
      if (view instanceof TextField && view.length > 0) splices.set(view.name, [{ at: 0, removed: view.length, inserted: "" }]);
      view.forget();
    }
    this.#session.free();
    this.#session = new DocumentSession(this.core);
    this.#session.onFields(this.#known);
    this.emit("change", { origin: "rollback", principals: [], fields: this.#known.map(({ field }) => field), splices });
    this.#countPending();
  }
  #commit() {
    const edited = this.#edited;
    this.#edited = /* @__PURE__ */ new Map();
    if (!this.#session.commitChange()) return;
    const splices = new Map([...edited].map(([{ name }, made]) => [name, made]));
    this.emit("change", { origin: "local", principals: [], fields: [...splices.keys()], splices });
    this.#countPending();
    this.host.schedule(this);
  }
  #apply(changes) {
    const step = changes.length <= oneByOne ? 1 : changes.length;
    for (let at = 0; at < changes.length; at += step) {
      const some = changes.slice(at, at + step);
      const update = this.#session.onChanges(some.map(loggedChange));
      this.#show("remote", update, [...new Set(some.map(({ principal }) => principal))]);
    }
  }
  #show(origin, update, principals) {
    for (const { field } of update.fields) this.#fields.get(field)?.forget();
    if (update.fields.length > 0) {
      this.emit("change", {
        origin,
        principals: principals.filter((name) => name !== ""),
        fields: update.fields.map(({ field }) => field),
        splices: new Map(update.fields.map(({ field, splices }) => [field, splices]))
      });
    }
    if (update.deleted) this.emit("deleted", { principal: principals.at(-1) ?? "" });
  }
  #refused(refusal) {
    this.#show("rollback", refusal.update, []);
    this.emit("refused", {
      error: new ConvergeError(codeName(refusal.code), refusal.message),
      fields: [...new Set(refusal.lost.map(({ field }) => field))],
      reapplied: refusal.reapplied
    });
  }
  #field(name, View, type) {
    const held = this.#fields.get(name);
    if (held instanceof View) return held;
    const info = this.#known.find(({ field }) => field === name);
    if (info === void 0) {
      throw new ConvergeError("unknown_field", `collection "${this.collection}" has no field "${name}"`, `it has: ${this.#known.map(({ field }) => field).join(", ")}`);
    }
    if (info.type !== type) {
      throw new ConvergeError("wrong_type", `field "${name}" is ${FieldType[info.type]}, not ${FieldType[type]}`);
    }
    const view = new View(this, name);
    this.#fields.set(name, view);
    return view;
  }
  #countPending() {
    const pending = this.#session.journalSize();
    if (pending === this.#pending) return;
    this.#pending = pending;
    this.emit("pending", pending);
  }
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    if (state !== "refused") this.#failure = void 0;
    this.emit("state", state);
  }
};
function wireChange({ replica, seq, hlc, fields: fields2 }) {
  return { replica, seq, hlc, payload: Payload.encode({ operation: 0 /* OPERATION_UPDATE */, fields: fields2 }).finish(), principal: "" };
}
function loggedChange({ replica, seq, hlc, payload }) {
  if (payload.length === 0) return { replica, seq, hlc, fields: [], operation: 0, refused: true };
  const { operation, fields: fields2 } = Payload.decode(payload);
  return { replica, seq, hlc, fields: fields2, operation, refused: false };
}

// src/client.ts
var postponeMs = 500;
var Client = class extends Emitter {
  #connection;
  #core;
  #now;
  #entries = /* @__PURE__ */ new Map();
  #opening = /* @__PURE__ */ new Map();
  #due = /* @__PURE__ */ new Set();
  #requests = 0;
  #identity;
  constructor(options) {
    super();
    const socket = options.WebSocket ?? globalThis.WebSocket;
    if (socket === void 0) throw new ConvergeError("invalid", "there is no global WebSocket here: give one in the options");
    const core2 = options.core ?? new URL("converge.wasm", import.meta.url);
    this.#core = core2 instanceof CoreModule ? Promise.resolve(core2) : CoreModule.load(core2);
    this.#core.catch((error) => this.emit("problem", new ConvergeError("unavailable", "cannot load the core", String(error))));
    this.#now = options.now ?? Date.now;
    this.#connection = new Connection({ url: options.url, token: options.token, WebSocket: socket, name: options.name ?? "converge-client 0.1.0" });
    this.#connection.on("state", (state) => this.#onState(state));
    this.#connection.on("welcome", (welcome) => this.#onWelcome(welcome));
    this.#connection.on("message", (message) => this.#onMessage(message));
    this.#connection.on("failure", (error) => this.emit("problem", error));
    globalThis.addEventListener?.("online", this.#onNetwork);
    if (options.connect ?? true) this.connect();
  }
  get state() {
    return this.#connection.state;
  }
  /** Whose the token is, once the server has said so. */
  get identity() {
    return this.#identity;
  }
  /** What has travelled so far. */
  get wire() {
    return this.#connection.wire;
  }
  /** Goes online, and stays so through lost connections. */
  connect() {
    this.#connection.connect();
  }
  /** Goes offline. Documents stay open, edits are kept and sent after connect(). */
  disconnect() {
    this.#connection.disconnect();
  }
  /** Closes the connection and every document. */
  close() {
    globalThis.removeEventListener?.("online", this.#onNetwork);
    for (const document of [...this.#entries.keys()]) document.close();
    this.#connection.disconnect();
  }
  /** Opens a document: a row of a tracked table. Resolves when its content is
   * there, which needs the server the first time; rejects with the server's
   * refusal. The same document opened twice is the same object. */
  open(collection, key) {
    const name = JSON.stringify([collection, key]);
    let opening = this.#opening.get(name);
    if (opening === void 0) {
      opening = this.#open(collection, key);
      this.#opening.set(name, opening);
      opening.catch(() => this.#opening.delete(name));
    }
    return opening;
  }
  async #open(collection, key) {
    const host = {
      now: this.#now,
      schedule: (document2) => this.#schedule(document2),
      postpone: (document2) => void setTimeout(() => this.#schedule(document2), postponeMs),
      pull: (document2) => this.#pull(document2),
      close: (document2) => this.#close(document2)
    };
    const document = new Document(await this.#core, host, collection, key);
    const entry = { document, request: 0, channel: void 0 };
    this.#entries.set(document, entry);
    if (this.state === "online") this.#subscribe(entry);
    try {
      await document.opened;
    } catch (error) {
      document.close();
      throw error;
    }
    return document;
  }
  #close(document) {
    const entry = this.#entries.get(document);
    this.#entries.delete(document);
    this.#due.delete(document);
    this.#opening.delete(JSON.stringify([document.collection, document.key]));
    if (entry?.channel !== void 0) this.#connection.send({ $case: "unsubscribe", value: { channel: entry.channel } });
  }
  #pull(document) {
    const entry = this.#entries.get(document);
    if (entry?.channel === void 0) return;
    this.#connection.send({ $case: "unsubscribe", value: { channel: entry.channel } });
    this.#subscribe(entry);
  }
  #subscribe(entry) {
    entry.request = ++this.#requests;
    entry.channel = void 0;
    const { document } = entry;
    this.#connection.send({
      $case: "subscribe",
      value: { request: entry.request, document: { collection: document.collection, key: document.key }, since: document.logVersion() }
    });
  }
  // Edits of one turn of the event loop travel together.
  #schedule(document) {
    if (this.#due.size === 0) queueMicrotask(() => this.#flush());
    this.#due.add(document);
  }
  #flush() {
    const due = [...this.#due];
    this.#due.clear();
    for (const document of due) {
      const channel = this.#entries.get(document)?.channel;
      if (channel === void 0) continue;
      for (let changes = document.sendable(); changes.length > 0; changes = document.sendable()) {
        this.#connection.send({ $case: "push", value: { channel, changes } });
      }
    }
  }
  #onState(state) {
    if (state !== "online") {
      for (const entry of this.#entries.values()) {
        entry.channel = void 0;
        entry.document.onDetached();
      }
    }
    this.emit("state", state);
  }
  #onWelcome(welcome) {
    this.#identity = { tenant: welcome.tenant, principal: welcome.principal };
    this.emit("identity", this.#identity);
    for (const entry of this.#entries.values()) {
      entry.document.onEpoch(welcome.epoch);
      this.#subscribe(entry);
    }
  }
  #onMessage(message) {
    try {
      switch (message.$case) {
        case "subscribed": {
          const { request, channel, pull } = message.value;
          const entry = this.#find((each) => each.request === request);
          if (entry === void 0) {
            this.#connection.send({ $case: "unsubscribe", value: { channel } });
          } else if (pull) {
            entry.channel = channel;
            entry.request = 0;
            entry.document.onSubscribed(pull);
          }
          break;
        }
        case "changes":
          this.#byChannel(message.value.channel)?.onChanges(message.value.changes);
          break;
        case "ack":
          this.#byChannel(message.value.channel)?.onAck(message.value.replica, message.value.seq);
          break;
        case "reject": {
          const { channel, replica, seq, code, message: text, expectedSeq } = message.value;
          this.#byChannel(channel)?.onReject(replica, seq, code, text, expectedSeq);
          break;
        }
        case "problem": {
          const error = problemError(message.value);
          const entry = message.value.request === 0 ? void 0 : this.#find((each) => each.request === message.value.request);
          if (entry) entry.document.onRefused(error);
          else if (!message.value.fatal) this.emit("problem", error);
          break;
        }
      }
    } catch (error) {
      this.emit("problem", error instanceof ConvergeError ? error : new ConvergeError("protocol", String(error)));
      this.#connection.restart();
    }
  }
  #find(is) {
    for (const entry of this.#entries.values()) if (is(entry)) return entry;
    return void 0;
  }
  #byChannel(channel) {
    return this.#find((each) => each.channel === channel)?.document;
  }
  #onNetwork = () => this.#connection.hurry();
};

// ../../../../w/scratch-web/fake.ts
var core = await CoreModule.load(await readFile("/tmp/wt/web/build/wasm/converge.wasm"));
var lb = new Loopback(core);
var types = { html: "text/html", css: "text/css", js: "text/javascript", wasm: "application/wasm" };
var http = createServer(async (q, r) => {
  const f = q.url === "/" ? "/index.html" : q.url.split("?")[0];
  try {
    const b = await readFile("/tmp/wt/web/build/web" + f);
    r.writeHead(200, { "content-type": types[f.split(".").pop()] ?? "application/octet-stream" });
    r.end(b);
  } catch {
    r.writeHead(404);
    r.end();
  }
});
new WebSocketServer({ server: http, path: "/sync" }).on("connection", (ws) => {
  const inner = new lb.WebSocket("x");
  inner.binaryType = "arraybuffer";
  const q = [];
  let open = false;
  inner.addEventListener("open", () => {
    open = true;
    for (const m of q) inner.send(m);
  });
  inner.addEventListener("message", (e) => ws.send(e.data));
  inner.addEventListener("close", () => ws.close());
  ws.on("message", (d2) => {
    const b = new Uint8Array(d2);
    open ? inner.send(b) : q.push(b);
  });
  ws.on("close", () => inner.close());
});
http.listen(8099, "127.0.0.1", () => console.log("ready"));
var c = new Client({ url: "x", token: "seed", core, WebSocket: lb.WebSocket });
var d = await c.open("note", "welcome");
d.text("body").insert(0, "Welcome.\n\nThis note is a row of a PostgreSQL table.\n");
d.map("props").set("title", "Welcome");
d.map("props").set("stars", 5);
d.set("tags").add("demo");
d.set("tags").add("crdt");
