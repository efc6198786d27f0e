// How Yjs providers say what they want, before any message: the path and the
// subprotocols of the WebSocket's upgrade, and the names of documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converge.pb.h"

namespace converge::bridge {

// The subprotocol that is spoken, and how a token's begins: the rest is the token.
inline constexpr std::string_view kYjsProtocol = "converge.yjs";
inline constexpr std::string_view kTokenProtocol = "converge.token.";

// One Yjs document: a field of a row.
struct YjsName {
  wire::DocumentRef document;
  std::string field;
};

// COLLECTION/KEY/FIELD, each part percent-encoded (a slash within one is %2F). None
// where it is something else.
std::optional<YjsName> read_yjs_name(std::string_view text);

// /yjs, where the messages name the documents as Hocuspocus's provider does, and
// /yjs/COLLECTION/KEY/FIELD.
bool is_yjs_path(std::string_view path);

struct YjsRequest {
  std::optional<std::string> name;  // none: the messages name the documents
  std::string token;                // empty: none was offered
  std::string protocol;             // to be agreed on; empty: none was offered
  std::string problem;              // why the connection is to be closed; empty: nothing
};

// `target`: the request's path and query.
YjsRequest read_yjs_request(std::string_view target, const std::vector<std::string>& protocols);

}  // namespace converge::bridge
