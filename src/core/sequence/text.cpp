#include "core/sequence/text.h"

#include <utility>

#include "core/codec/utf8.h"
#include "core/long_work.h"
#include "core/sequence/diff.h"
#include "core/sequence/encoded_merge.h"
#include "core/sequence/run_gathering.h"
#include "core/sequence/sequence.h"
#include "core/sequence/text_codec.h"

namespace converge {

namespace {

Error too_large() {
  return Error{ErrorCode::too_large, "crdt_text would grow beyond its bounds",
               "at most " + std::to_string(kMaxTextBytes) + " bytes of text, " +
                   std::to_string(kMaxPendingRuns) + " pending runs and " +
                   std::to_string(kMaxPendingBytes) + " bytes of pending text"};
}

Error out_of_range(std::uint64_t at, std::uint64_t length) {
  return Error{ErrorCode::out_of_range, "text position " + std::to_string(at) + " is out of range",
               "the text has " + std::to_string(length) + " characters"};
}

Error bad_utf8(std::size_t at) {
  return Error{ErrorCode::malformed, "text is not valid UTF-8, or holds U+0000",
               "the first wrong byte is at offset " + std::to_string(at)};
}

// The edit as a state of its own. It is pending as a whole, unless it begins
// at the very first unit of a replica in what was an empty document.
std::string encode_edit(const Sequence& sequence, EditLog&& log) {
  FlatSequence flat;
  flat.replicas = sequence.replicas();
  flat.waiting = std::move(log.inserted);
  flat.deleted = std::move(log.deleted);
  for (const LooseRun& run : flat.waiting) {
    if (run.id.clock == 0 && run.left.none() && run.right.none()) {
      Sequence alone;
      alone.add(flat);
      return encode_sequence(alone);
    }
  }
  return encode_pending(flat);
}

}  // namespace

Text::Text() : sequence_(std::make_unique<Sequence>()) {}
Text::Text(std::unique_ptr<Sequence> sequence) : sequence_(std::move(sequence)) {}
Text::~Text() = default;
Text::Text(const Text& other) : sequence_(std::make_unique<Sequence>(*other.sequence_)) {}
Text::Text(Text&& other) noexcept = default;
Text& Text::operator=(Text&& other) noexcept = default;
Text& Text::operator=(const Text& other) {
  if (this != &other) sequence_ = std::make_unique<Sequence>(*other.sequence_);
  return *this;
}

bool operator==(const Text& a, const Text& b) { return a.encode() == b.encode(); }

// ---- bytes ---------------------------------------------------------------

Result<Text> Text::decode(std::string_view bytes) {
  auto sequence = std::make_unique<Sequence>();
  Result<FlatSequence> flat = load_sequence(bytes, *sequence);
  if (!flat) return flat.error();
  if (!flat->waiting.empty() || !flat->deleted.empty()) {
    std::uint64_t bytes_before = sequence->tree().bytes();
    std::size_t runs_before = sequence->tree().run_count();
    if (!sequence->add(*flat)) return too_large();
    std::size_t waiting = 0;
    for (const auto& range : sequence->early()) waiting += range.second;
    for (const UnitRange& range : flat->deleted) waiting -= range.length;
    if (sequence->tree().bytes() != bytes_before || sequence->tree().run_count() != runs_before ||
        sequence->waiting().size() != flat->waiting.size() || waiting != 0) {
      return Error{ErrorCode::malformed, "malformed crdt_text",
                   "what it says is pending is known or could be integrated"};
    }
  }
  if (sequence->tree().bytes() > kMaxTextBytes) return too_large();
  return Text(std::move(sequence));
}

std::string Text::encode() const { return encode_sequence(*sequence_); }

Result<std::string_view> Text::text_of_encoded(std::string_view bytes) {
  return text_in_encoding(bytes);
}

Result<Text::TextPrefix> Text::text_of_prefix(std::string_view bytes) {
  return text_in_prefix(bytes);
}

namespace {

// Whether it is one run that waits, or nothing but deleted units, as an edit mostly is:
// integrated from nothing that stays what it is.
bool is_plain_edit(const FlatSequence& flat) {
  if (flat.waiting.empty()) return flat.deleted.size() <= kMaxPendingRuns;
  const LooseRun& run = flat.waiting.front();
  const bool begins = run.id.clock == 0 && run.left.none() && run.right.none();
  return flat.waiting.size() == 1 && flat.deleted.empty() && !begins && run.text.size() <= kMaxPendingBytes;
}

}  // namespace

Result<void> Text::validate(std::string_view bytes) {
  if (bytes.size() > 1 && (static_cast<std::uint8_t>(bytes[1]) & kHasRuns) == 0) {
    const Result<FlatSequence> flat = decode_sequence(bytes);
    if (flat && is_plain_edit(*flat) && encode_pending(*flat) == bytes) return {};
  }
  Result<Text> text = decode(bytes);
  if (!text) return text.error();
  // Integrated from nothing, in another order than that in which it is written.
  Text again;
  if (!again.sequence_->add(flatten(*text->sequence_))) return too_large();
  if (again.encode() != bytes) {
    return Error{ErrorCode::malformed, "malformed crdt_text",
                 "its runs do not stand in the order that their origins give"};
  }
  return {};
}

// ---- states --------------------------------------------------------------

Result<void> Text::merge(const Text& other) {
  if (this == &other) return {};
  if (empty()) {
    *this = other;
    return {};
  }
  if (!sequence_->add(flatten(*other.sequence_))) return too_large();
  return {};
}

Result<void> Text::merge_encoded(std::string_view bytes) {
  if (empty()) {
    Result<Text> other = decode(bytes);
    if (!other) return other.error();
    *this = std::move(*other);
    return {};
  }
  Result<FlatSequence> flat = decode_sequence(bytes);
  if (!flat) return flat.error();
  if (!sequence_->add(*flat)) return too_large();
  return {};
}

Result<void> Text::merge_all_encoded(std::span<const std::string_view> states) {
  RunGathering gathering;
  for (const std::string_view state : states) {
    long_work();
    const Result<FlatSequence> flat = decode_sequence(state);
    if (!flat) return flat.error();
    gathering.add(*flat);
  }
  if (!sequence_->add(gathering.gathered())) return too_large();
  return {};
}

std::size_t Text::merge_weight() const { return sequence_->replicas().size(); }

Result<std::string> Text::merge_encoded(std::string_view state, std::string_view delta) {
#ifndef __wasm__  // 12 kB more to load for a browser, which holds its texts decoded
  if (std::optional<std::string> merged = merge_into_encoded(state, delta)) {
    return std::move(*merged);
  }
#endif
  Result<Text> text = decode(state);
  if (!text) return text.error();
  if (auto merged = text->merge_encoded(delta); !merged) return merged.error();
  return text->encode();
}

VersionVector Text::version() const {
  VersionVector version;
  for (ClientIndex i = 0; i < sequence_->replicas().size(); ++i) {
    version.set(sequence_->replicas()[i], sequence_->known(i));
  }
  return version;
}

std::uint64_t Text::version_of(ReplicaId replica) const {
  const ClientIndex client = sequence_->find_client(replica);
  return client == kNoId.client ? 0 : sequence_->known(client);
}

bool Text::empty() const { return !sequence_->tree().first().valid() && !has_pending(); }
bool Text::has_pending() const { return sequence_->has_pending(); }

// ---- reading -------------------------------------------------------------

std::string Text::text() const {
  std::string text;
  text.reserve(sequence_->tree().bytes());
  for (const RunTree::Leaf* leaf = sequence_->tree().first_leaf(); leaf != nullptr; leaf = leaf->next) {
    text.append(leaf->text, leaf->bytes);
  }
  return text;
}

std::uint64_t Text::char_length() const { return sequence_->tree().chars(); }
std::uint64_t Text::utf16_length() const { return sequence_->tree().units(); }

Result<std::string> Text::substr(std::uint64_t at, std::uint64_t count) const {
  const RunTree& tree = sequence_->tree();
  if (at > tree.chars()) return out_of_range(at, tree.chars());
  if (count > tree.chars() - at) return out_of_range(at + count, tree.chars());
  std::string text;
  if (count == 0) return text;
  RunTree::Located located = tree.at_char(at);
  std::uint64_t skip = at - located.chars;
  const RunTree::Leaf* leaf = located.place.leaf;
  std::string_view rest(leaf->text + located.bytes, leaf->bytes - located.bytes);
  rest.remove_prefix(measure_chars(rest.data(), static_cast<std::uint32_t>(skip)).bytes);
  for (;;) {
    TextSize size = measure(rest);
    if (size.chars >= count) {
      text.append(rest.substr(0, measure_chars(rest.data(), static_cast<std::uint32_t>(count)).bytes));
      return text;
    }
    text.append(rest);
    count -= size.chars;
    leaf = leaf->next;
    rest = {leaf->text, leaf->bytes};
  }
}

Result<std::uint64_t> Text::utf16_of_char(std::uint64_t at) const {
  const RunTree& tree = sequence_->tree();
  if (at > tree.chars()) return out_of_range(at, tree.chars());
  return tree.units_of_chars(at);
}

Result<std::uint64_t> Text::char_of_utf16(std::uint64_t at) const {
  const RunTree& tree = sequence_->tree();
  if (at > tree.units()) {
    return Error{ErrorCode::out_of_range,
                 "UTF-16 position " + std::to_string(at) + " is out of range",
                 "the text has " + std::to_string(tree.units()) + " UTF-16 units"};
  }
  return tree.chars_of_units(at);
}

// ---- edits ---------------------------------------------------------------

namespace {

// The replica's index, once an insertion of this size under it is allowed.
Result<ClientIndex> writer(Sequence& sequence, ReplicaId replica, const TextSize& size) {
  if (replica >= kReplicaLimit) {
    return Error{ErrorCode::invalid, "replica " + std::to_string(replica) + " is out of range",
                 "replicas are below 2^53"};
  }
  ClientIndex client = sequence.client(replica);
  if (sequence.has_pending() && sequence.has_pending_of(client)) {
    return Error{ErrorCode::invalid,
                 "replica " + std::to_string(replica) + " cannot edit: edits of its own are pending",
                 "their identifiers would be given twice"};
  }
  if (size.units > kMaxTextClock - sequence.known(client) ||
      size.bytes > kMaxTextBytes - sequence.tree().bytes()) {
    return too_large();
  }
  return client;
}

}  // namespace

Result<void> Text::insert(ReplicaId replica, std::uint64_t at, std::string_view utf8,
                          std::string* delta) {
  return splice(replica, at, 0, utf8, delta);
}

Result<void> Text::erase(std::uint64_t at, std::uint64_t count, std::string* delta) {
  return splice(0, at, count, {}, delta);
}

Result<void> Text::splice(ReplicaId replica, std::uint64_t at, std::uint64_t count,
                          std::string_view utf8, std::string* delta) {
  Sequence& sequence = *sequence_;
  std::uint64_t length = sequence.tree().chars();
  if (at > length) return out_of_range(at, length);
  if (count > length - at) return out_of_range(at + count, length);
  ClientIndex client = 0;
  TextSize size;
  if (!utf8.empty()) {
    if (std::size_t wrong = find_invalid_text(utf8); wrong != kTextOk) return bad_utf8(wrong);
    if (utf8.size() > kMaxTextBytes) return too_large();
    size = measure(utf8);
    Result<ClientIndex> found = writer(sequence, replica, size);
    if (!found) return found.error();
    client = *found;
  }
  EditLog log;
  EditLog* wanted = delta != nullptr ? &log : nullptr;
  if (count > 0) sequence.erase_local(at, count, wanted);
  if (!utf8.empty()) sequence.insert_local(client, at, utf8, size, wanted);
  if (delta != nullptr) *delta = encode_edit(sequence, std::move(log));
  return {};
}

Result<void> Text::assign(ReplicaId replica, std::string_view utf8, std::string* delta) {
  if (std::size_t wrong = find_invalid_text(utf8); wrong != kTextOk) return bad_utf8(wrong);
  if (utf8.size() > kMaxTextBytes) return too_large();
  Sequence& sequence = *sequence_;
  std::vector<TextChange> changes = diff_text(text(), utf8);
  TextSize total;
  for (const TextChange& change : changes) {
    TextSize size = measure(change.text);
    total.bytes += size.bytes;
    total.units += size.units;
  }
  ClientIndex client = 0;
  if (total.bytes > 0) {
    Result<ClientIndex> found = writer(sequence, replica, total);
    if (!found) return found.error();
    client = *found;
  }
  EditLog log;
  EditLog* wanted = delta != nullptr ? &log : nullptr;
  for (const TextChange& change : changes) {
    if (change.erased > 0) sequence.erase_local(change.at, change.erased, wanted);
    if (!change.text.empty()) {
      sequence.insert_local(client, change.at, change.text, measure(change.text), wanted);
    }
  }
  if (delta != nullptr) *delta = encode_edit(sequence, std::move(log));
  return {};
}

Result<void> Text::assign_since(const Text& base, ReplicaId replica, std::string_view utf8,
                                std::string* delta) {
  const VersionVector now = version();
  const VersionVector then = base.version();
  if (!now.includes(then) || base.has_pending() || now.get(replica) != then.get(replica)) {
    return Error{ErrorCode::invalid, "base is not an earlier state of this text",
                 "it holds edits, or lacks some of replica " + std::to_string(replica) +
                     ", that the text does not"};
  }
  Text edited = base;
  std::string change;
  if (auto done = edited.assign(replica, utf8, &change); !done) return done.error();
  if (auto done = merge_encoded(change); !done) return done.error();
  if (delta != nullptr) *delta = std::move(change);
  return {};
}

}  // namespace converge
