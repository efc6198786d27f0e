// What Yjs clients send: updates of both formats and state vectors, applied to a
// document. The first byte says what the input is; two updates are cut by the second.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/ydoc/ydoc.h"

namespace {

using namespace converge;

void must(bool holds) {
  if (!holds) std::abort();
}

// What a document says of itself must be taken again, in each format.
void check(const YDoc& document) {
  const std::string state = document.encode();
  auto read = YDoc::decode(state);
  must(read.ok());
  must(read->encode() == state);
  for (UpdateFormat format : {UpdateFormat::v1, UpdateFormat::v2}) {
    auto update = document.update_since("", format);
    must(update.ok());
    YDoc again;
    must(again.apply_update(*update, format).ok());
    must(again.state_vector() == document.state_vector());
  }
  for (const auto& view : {document.json(), document.xml("t")}) {
    if (!view.ok()) must(view.error().code == ErrorCode::too_large);
    if (view.ok()) must(view->size() <= kMaxViewBytes);
  }
  (void)document.text("t");
}

// What is read is no more than what was said: a struct names itself, two origins or a parent.
void check_read(std::string_view update, UpdateFormat format) {
  const auto read = read_update(update, format);
  if (!read.ok()) return;
  const FlatSequence& flat = read->flat;
  must(flat.waiting.size() <= kMaxUpdateStructs);
  must(flat.replicas.size() <= 3 * flat.waiting.size() + flat.deleted.size());
  must(flat.lists.size() <= flat.waiting.size());
  must(read->content_bytes() <= kMaxContentBytes);
}

// What an update alone makes is the same bytes without a document.
void check_alone(std::string_view update, UpdateFormat format) {
  const auto read = read_update(update, format);
  YDoc alone;
  if (!read.ok() || !alone.apply(*read).ok()) return;
  const auto encoded = YDoc::encode(*read);
  must(encoded.ok() && *encoded == alone.encode());
  must(YDoc::validate(*encoded).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  YDoc document;
  if (data[0] % 4 == 3) {
    (void)document.update_since(input, UpdateFormat::v1);
    return 0;
  }
  const auto format = data[0] % 2 == 0 ? UpdateFormat::v1 : UpdateFormat::v2;
  const std::size_t cut = data[1] == 0xff ? input.size() : data[1] * input.size() / 255;
  const auto first = document.apply_update(input.substr(0, cut), format);
  if (first.ok()) check(document);
  if (!first.ok() && first.error().code == ErrorCode::too_large) return 0;
  const std::string before = document.encode();
  // The second update may be of the other format.
  const auto other = data[0] % 8 < 4 ? format : format == UpdateFormat::v1 ? UpdateFormat::v2 : UpdateFormat::v1;
  check_read(input.substr(cut), other);
  check_alone(input.substr(cut), other);
  const auto applied = YDoc::apply_to_encoded(before, input.substr(cut), other);
  const auto second = document.apply_update(input.substr(cut), other);
  if (!applied.ok()) must(!second.ok());
  if (!second.ok()) {
    // Every error says what was wrong.
    must(!second.error().message.empty() && !second.error().detail.empty());
    if (second.error().code == ErrorCode::malformed) must(document.encode() == before);
    return 0;
  }
  must(applied.ok());
  check(document);
  if (*applied) must(**applied == document.encode());
  return 0;
}
