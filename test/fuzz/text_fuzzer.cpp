// A text that its decoder takes, valid or not, and all that can be done with it:
// edits, places, anchors, and joins by the quick way and by the slow one. The
// input: a byte for the length of a script of edits, the script, a state.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "allocation.h"
#include "core/codec/reader.h"
#include "core/sequence/text.h"

namespace {

using namespace converge;

constexpr ReplicaId kWriter = 0x1234567;

void must(bool holds) {
  if (!holds) std::abort();
}

// What an anchor says survives its encoding.
void check_anchor(const Text& text, std::uint64_t at, TextAnchor::Side side) {
  auto anchor = text.anchor(at, side);
  must(anchor.ok());
  must(*TextAnchor::decode(anchor->encode()) == *anchor);
  must(*text.position(*anchor) == at);
}

void check_places(const Text& text) {
  const std::uint64_t length = text.char_length();
  must(*text.utf16_of_char(length) == text.utf16_length());
  must(!text.utf16_of_char(length + 1).ok());
  for (std::uint64_t at = 0; at <= length; at += 1 + length / 8) {
    must(*text.char_of_utf16(*text.utf16_of_char(at)) == at);
    check_anchor(text, at, TextAnchor::Side::before);
    check_anchor(text, at, TextAnchor::Side::after);
  }
  std::uint64_t blamed = 0;
  for (const TextBlame& part : text.blame()) {
    must(part.at == blamed && part.count > 0);
    blamed += part.count;
  }
  must(blamed == length);
}

// An edit of a text that holds what its replica will mint next is refused.
void edit(Text& text, Reader& script) {
  const std::uint64_t at = script.byte() % (text.char_length() + 1);
  std::string delta;
  switch (script.byte() % 4) {
    case 0:
      (void)text.erase(at, script.byte() % (text.char_length() - at + 1), &delta);
      break;
    case 1:
      (void)text.assign(kWriter, script.string(), &delta);
      break;
    default:
      (void)text.insert(kWriter, at, script.byte() % 2 == 0 ? "x" : "😀é", &delta);
  }
  must(delta.empty() || Text::validate(delta).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] < input.size() ? data[0] : input.size();
  Reader script(input.substr(0, cut));
  const std::string_view bytes = input.substr(cut);

  (void)TextAnchor::decode(bytes);
  const auto read = Text::text_of_encoded(bytes);
  auto decoded = fuzz::decode_within_bounds(bytes.size(), [&] { return Text::decode(bytes); });
  const bool valid =
      fuzz::decode_within_bounds(bytes.size(), [&] { return Text::validate(bytes); }).ok();
  must(decoded.ok() || !valid);
  if (!decoded.ok()) return 0;
  Text text = std::move(*decoded);
  must(read.ok() && *read == text.text());
  const Text before = text;
  check_places(text);
  while (!script.failed() && !script.at_end()) edit(text, script);
  check_places(text);
  if (!valid) return 0;

  // What was edited is a state, and its difference is what the old one lacks:
  // merged as bytes or as a text, and with what it is a part of.
  const std::string after = text.encode();
  must(Text::validate(after).ok());
  const std::string difference = text.difference(before).encode();
  must(*merge(FieldType::crdt_text, bytes, difference) == after);
  must(*merge(FieldType::crdt_text, after, bytes) == after);
  Text slow = before;
  must(slow.merge(*Text::decode(difference)).ok() && slow.encode() == after);
  Text quick = before;
  must(quick.merge_encoded(difference).ok() && quick.encode() == after);
  return 0;
}
