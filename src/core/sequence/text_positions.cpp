// Places in a text by the units that stand there.
#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/sequence/sequence.h"
#include "core/sequence/text.h"

namespace converge {

std::string TextAnchor::encode() const {
  std::string out(1, static_cast<char>(side));
  if (side == Side::before || side == Side::after) {
    append_varint(out, replica);
    append_varint(out, clock);
  }
  return out;
}

Result<TextAnchor> TextAnchor::decode(std::string_view bytes) {
  Reader in(bytes);
  TextAnchor anchor;
  const std::uint8_t side = in.byte();
  if (side > static_cast<std::uint8_t>(Side::end)) in.fail("its first byte names no side");
  anchor.side = static_cast<Side>(side);
  if (anchor.side == Side::before || anchor.side == Side::after) {
    anchor.replica = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    anchor.clock = in.varint_below(kMaxTextClock, "a clock is beyond the limit");
  }
  in.expect_end();
  if (in.failed()) return in.error("text anchor");
  return anchor;
}

Result<TextAnchor> Text::anchor(std::uint64_t at, TextAnchor::Side side) const {
  using Side = TextAnchor::Side;
  const RunTree& tree = sequence_->tree();
  if (side != Side::before && side != Side::after) {
    return Error{ErrorCode::invalid, "an anchor stands before or after a character", {}};
  }
  if (at > tree.chars()) {
    return Error{ErrorCode::out_of_range,
                 "text position " + std::to_string(at) + " is out of range",
                 "the text has " + std::to_string(tree.chars()) + " characters"};
  }
  if (side == Side::before && at == tree.chars()) return TextAnchor{Side::end};
  if (side == Side::after && at == 0) return TextAnchor{Side::begin};
  const RunTree::Located& located = tree.at_char(side == Side::before ? at : at - 1);
  const Run& run = located.place.run();
  auto chars = static_cast<std::uint32_t>(at - located.chars);  // of the run, before `at`
  const char* text = located.place.leaf->text + located.bytes;
  std::uint32_t units = run.ascii() ? chars : measure_chars(text, chars).units;
  if (side == Side::after) --units;  // the last unit of the character before
  return TextAnchor{side, sequence_->replicas()[run.id.client], run.id.clock + units};
}

Result<std::uint64_t> Text::position(const TextAnchor& anchor) const {
  using Side = TextAnchor::Side;
  const RunTree& tree = sequence_->tree();
  if (anchor.side == Side::begin) return std::uint64_t{0};
  if (anchor.side == Side::end) return tree.chars();
  const ClientIndex client = sequence_->find_client(anchor.replica);
  if (client == kNoId.client || anchor.clock >= sequence_->known(client)) {
    return Error{ErrorCode::invalid, "anchor names a character that is not there",
                 "replica " + std::to_string(anchor.replica) + ", clock " +
                     std::to_string(anchor.clock)};
  }
  const UnitId unit{client, static_cast<std::uint32_t>(anchor.clock)};
  const RunTree::Place place = tree.find(unit);
  const Run& run = place.run();
  std::uint64_t at = tree.chars_before(place);
  if (!run.visible()) return at;
  std::uint32_t units = unit.clock - run.id.clock + (anchor.side == Side::after ? 1 : 0);
  return at + (run.ascii() ? units : measure_units(RunTree::text_of(place).data(), units).chars);
}

std::vector<TextBlame> Text::blame() const {
  std::vector<TextBlame> blame;
  std::uint64_t at = 0;
  const Run* before = nullptr;  // the visible run before
  for (const RunTree::Leaf* leaf = sequence_->tree().first_leaf(); leaf != nullptr;
       leaf = leaf->next) {
    for (const Run* run = leaf->runs; run != leaf->runs + leaf->count; ++run) {
      if (!run->visible()) continue;
      if (before != nullptr && before->id.plus(before->length) == run->id) {
        blame.back().count += run->chars;
      } else {
        blame.push_back({at, run->chars, sequence_->replicas()[run->id.client], run->id.clock});
      }
      at += run->chars;
      before = run;
    }
  }
  return blame;
}

}  // namespace converge
