// What Yjs providers and servers say to each other: y-protocols as y-websocket
// frames them, and Hocuspocus's dialect, in which each message begins with the name
// of its document. Both are lib0's encoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages.h"

namespace converge::bridge {

enum class YjsMessageType : std::uint64_t {
  sync = 0,
  awareness = 1,
  auth = 2,
  query_awareness = 3,
  // Hocuspocus alone:
  stateless = 5,
  close = 7,
  sync_status = 8,
  ping = 9,
  pong = 10,
};

enum class YjsSync : std::uint64_t {
  step1 = 0,  // a state vector: send what I lack
  step2 = 1,  // the answer, an update
  update = 2,
};

// Of Hocuspocus's auth messages; y-protocols has the refusal alone, as 0.
enum class YjsAuth : std::uint64_t { token = 0, permission_denied = 1, authenticated = 2 };

// One message; views are into its bytes.
struct YjsMessage {
  std::string_view document;                     // Hocuspocus: which
  YjsMessageType type = YjsMessageType::sync;
  YjsSync sync = YjsSync::step1;                 // of a sync message
  std::string_view body;                         // state vector, update, awareness update, token
};

// Reads a client's message; `named`: in Hocuspocus's dialect. False: `problem` says
// what is wrong with it.
bool read_yjs_message(std::string_view bytes, bool named, YjsMessage* message, std::string* problem);

// The same of the beginning of a message that is not there as a whole: without its body.
bool read_yjs_head(std::string_view bytes, bool named, YjsMessage* message, std::string* problem);

// The beginning of the messages about one document: nothing for y-websocket.
std::string yjs_prefix(std::string_view document);

// Writes messages with that prefix.
Frame yjs_sync_frame(std::string_view prefix, YjsSync step, std::string_view body);
Frame yjs_awareness_frame(std::string_view prefix, std::string_view update);
Frame yjs_permission_denied_frame(std::string_view prefix, bool named, std::string_view reason);
// Hocuspocus alone.
Frame yjs_authenticated_frame(std::string_view prefix, std::string_view scope);
Frame yjs_sync_status_frame(std::string_view prefix, bool applied);
Frame yjs_stateless_frame(std::string_view prefix, std::string_view payload);
Frame yjs_close_frame(std::string_view prefix, std::string_view reason);

}  // namespace converge::bridge
