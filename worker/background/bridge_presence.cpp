// The presence half of BridgeServer: what one bridge's clients show at a document
// goes on to the other bridges that watch it. Nothing is kept, and nobody waits:
// a bridge whose queue is long misses some, and gets it when it is repeated.
#include "worker/background/bridge_server.h"

extern "C" {
#include "mb/pg_wchar.h"
}

#include "worker/background/worker_reply.h"

namespace converge::worker {
namespace {

// Presence is not worth more of a queue than this: changes have the rest.
constexpr int kQueueForPresence = 1024 * 1024;

bool is_utf8(const char* text) {
  const auto length = static_cast<int>(strlen(text));

  return pg_encoding_verifymbstr(PG_UTF8, text, length) == length;
}

}  // namespace

// Sends the message if there is room for it now.
void BridgeServer::pass_on(int index, const WorkerReplyMessage& message) {
  if (bridges_[index].closing || bridges_[index].output.size() > kQueueForPresence) return;
  reply(index, message);
}

bool BridgeServer::handle_presence(int index, Converge__Wire__DocumentPresence* presence) {
  const BridgeSet watchers = watches_.watchers(presence->document);

  // Who watches has shown a ticket. One that has just ceased to may still send.
  if ((watchers & only(index)) == 0) return true;
  for (size_t i = 0; i < presence->n_peers; i++) {
    const Converge__Wire__Presence* peer = presence->peers[i];

    // The other bridges' decoders refuse a whole message for this.
    if (!is_utf8(peer->principal) || !is_utf8(peer->field) || !is_utf8(peer->state)) {
      fail(index, CONVERGE__WIRE__CODE__CODE_PROTOCOL, "a presence has text that is not UTF-8");
      return false;
    }
  }

  WorkerReplyMessage message = {CONVERGE__WIRE__WORKER_REPLY__INIT};
  presence->bridge = bridge_number(index);
  message.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_PRESENCE;
  message.wire.presence = presence;
  for (int other = 0; other < kMaxBridges; other++)
    if (other != index && (watchers & only(other)) != 0) pass_on(other, message);
  return true;
}

void BridgeServer::announce_detached(int index) {
  Converge__Wire__BridgeDetached detached = CONVERGE__WIRE__BRIDGE_DETACHED__INIT;
  WorkerReplyMessage message = {CONVERGE__WIRE__WORKER_REPLY__INIT};

  detached.bridge = bridge_number(index);
  message.wire.message_case = CONVERGE__WIRE__WORKER_REPLY__MESSAGE_DETACHED;
  message.wire.detached = &detached;
  for (int other = 0; other < kMaxBridges; other++)
    if (bridges_[other].socket >= 0 && bridges_[other].proven) pass_on(other, message);
}

}  // namespace converge::worker
