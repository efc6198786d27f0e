// A saved session that may be anything, then a conversation with a server that
// may say anything.
#include <cstdint>
#include <cstdlib>

#include "allocation.h"
#include "core/codec/reader.h"
#include "core/session/document_session.h"

namespace {

using namespace converge;
using namespace converge::session;

void converse(DocumentSession& session, Reader& in) {
  std::uint64_t now = 1;
  while (!in.failed() && !in.at_end()) {
    switch (in.byte() % 8) {
      case 0: {
        Change change;
        change.replica = in.varint();
        change.seq = in.varint();
        change.refused = in.byte() & 1;
        const std::string name(1, static_cast<char>('a' + in.byte() % 3));
        change.fields.push_back({name, std::string(in.string())});
        (void)session.on_changes({change});
        break;
      }
      case 1:
        (void)session.on_ack(in.varint(), in.varint());
        break;
      case 2: {
        const std::uint64_t seq = in.varint();
        const std::uint32_t code = in.byte();
        (void)session.on_reject(in.byte(), seq, code, "", in.varint());
        break;
      }
      case 3:
        session.on_epoch(in.byte());
        break;
      case 4:
        (void)session.on_caught_up(in.string());
        break;
      default:
        if (!session.begin_change(++now).ok()) break;
        (void)session.text_insert("a", in.byte() % 4, "x");
        (void)session.text_delete("a", in.byte() % 4, 1);
        (void)session.map_set("b", in.string(), "1");
        (void)session.set_add("c", in.string());
        (void)session.set_remove("c", in.string());
        if (!session.commit_change().ok()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto draw = [next = ReplicaId{1}]() mutable { return next++; };
  DocumentSession loaded(draw);
  if (fuzz::decode_within_bounds(bytes.size(), [&] { return loaded.load(bytes); }).ok()) {
    const std::string saved = loaded.save();
    DocumentSession again(draw);
    if (!again.load(saved).ok() || again.save() != saved) std::abort();
  }
  DocumentSession fresh(draw);
  if (!fresh.on_fields({{"a", FieldType::crdt_text},
                        {"b", FieldType::lww_map},
                        {"c", FieldType::or_set}}).ok()) {
    std::abort();
  }
  Reader in(bytes);
  converse(fresh, in);
  DocumentSession again(draw);
  if (!again.load(fresh.save()).ok()) std::abort();
  return 0;
}
