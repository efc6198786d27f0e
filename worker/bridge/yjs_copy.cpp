#include "yjs_copy.h"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/ydoc/ydoc.h"
#include "log.h"
#include "messages.h"
#include "yjs_update.h"

namespace converge::bridge {

namespace {

// What is pending is joined when it is so much: together that costs little more than what
// was written, one by one each would cost the whole state.
constexpr std::size_t kMostPending = 256;
constexpr std::size_t kMostPendingBytes = 16 << 10;
// A copy costs this beside its bytes.
constexpr std::size_t kOverhead = 256;

using Length = std::uint32_t;

}  // namespace

YjsCopy::YjsCopy(YjsCopies& copies, std::string field)
    : copies_(&copies), place_(copies.by_use_.insert(copies.by_use_.begin(), this)), field_(std::move(field)),
      state_(YDoc().encode()) {}

YjsCopy::~YjsCopy() { forget(); }

void YjsCopy::forget() {
  if (forgotten()) return;
  copies_->by_use_.erase(place_);
  copies_->bytes_ -= accounted_;
  copies_ = nullptr;
  state_ = {};
  pending_ = {};
}

void YjsCopy::account() {
  const std::size_t bytes = kOverhead + state_.capacity() + pending_.capacity();
  copies_->bytes_ += bytes - accounted_;
  accounted_ = bytes;
  // The last may be this one.
  YjsCopies& copies = *copies_;
  while (copies.bytes_ > copies.room_) copies.by_use_.back()->forget();
}

void YjsCopy::add(std::string_view encoded_changes) {
  if (forgotten()) return;
  std::vector<std::string_view> deltas;
  (void)find_deltas(encoded_changes, field_, deltas);  // what is malformed is not passed on either
  for (const std::string_view delta : deltas) {
    if (delta.size() > kLargestYjsCopy) return forget();
    const auto length = static_cast<Length>(delta.size());
    pending_.append(reinterpret_cast<const char*>(&length), sizeof length).append(delta);
    if ((++pending_count_ >= kMostPending || pending_.size() >= kMostPendingBytes) && !join_pending()) return;
  }
  account();
}

// False: it was forgotten.
bool YjsCopy::join_pending() {
  if (pending_count_ == 0) return true;
  std::vector<std::string_view> deltas;
  for (std::string_view rest = pending_; !rest.empty();) {
    Length length;
    std::memcpy(&length, rest.data(), sizeof length);
    deltas.push_back(rest.substr(sizeof length, length));
    rest.remove_prefix(sizeof length + length);
  }
  Result<YDoc> document = YDoc::decode(state_);
  const Result<void> merged = document ? document->merge_all_encoded(deltas) : Result<void>(document.error());
  if (!merged) {
    log(Severity::warning, "no copy of field \"", field_, "\" is kept: ", merged.error().message);
    forget();
    return false;
  }
  state_ = document->encode();
  pending_ = {};
  pending_count_ = 0;
  state_.shrink_to_fit();
  if (state_.size() > kLargestYjsCopy) forget();
  return !forgotten();
}

void YjsCopy::complete(std::string_view state) {
  if (complete_ || forgotten()) return;
  Result<std::string> joined = YDoc::merge_encoded(state, state_);
  if (!joined || joined->size() > kLargestYjsCopy) return forget();
  state_ = std::move(*joined);
  state_.shrink_to_fit();
  complete_ = true;
  account();
}

bool YjsCopy::answer(std::string_view state_vector, wire::YjsState* lacking) {
  if (!can_answer() || !join_pending()) return false;
  const Result<wire::YjsState> made = yjs_state_since(state_, state_vector);
  if (!made) return false;
  *lacking = *made;
  copies_->by_use_.splice(copies_->by_use_.begin(), copies_->by_use_, place_);
  account();
  return true;
}

YjsCopies::~YjsCopies() {
  while (!by_use_.empty()) by_use_.back()->forget();
}

std::shared_ptr<YjsCopy> YjsCopies::begin(const std::string& field) {
  return room_ == 0 ? nullptr : std::make_shared<YjsCopy>(*this, field);
}

}  // namespace converge::bridge
