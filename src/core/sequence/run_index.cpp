#include "core/sequence/run_index.h"

#include <algorithm>
#include <cstring>

namespace converge {

void RunIndex::clear() {
  for (Chunk* chunk : chunks_) delete chunk;
  firsts_.clear();
  chunks_.clear();
  size_ = 0;
  recent_ = 0;
}

void RunIndex::append(Key key, Handle handle) {
  constexpr std::uint32_t kFill = kChunk * 3 / 4;
  if (chunks_.empty() || chunks_.back()->count == kFill) {
    firsts_.push_back(chunks_.empty() ? 0 : key);
    chunks_.push_back(new Chunk);
    chunks_.back()->count = 0;
  }
  Chunk& chunk = *chunks_.back();
  chunk.entries[chunk.count++] = Entry{key, handle};
  ++size_;
}

std::size_t RunIndex::chunk_of(Key key) const {
  if (recent_ < chunks_.size() && firsts_[recent_] <= key &&
      (recent_ + 1 == chunks_.size() || key < firsts_[recent_ + 1])) {
    return recent_;
  }
  auto above = std::upper_bound(firsts_.begin() + 1, firsts_.end(), key);
  return recent_ = static_cast<std::size_t>(above - firsts_.begin()) - 1;
}

// The number of entries whose key is not above `key`.
std::uint32_t RunIndex::upper(const Chunk& chunk, Key key) {
  std::uint32_t low = 0;
  std::uint32_t high = chunk.count;
  while (low < high) {
    std::uint32_t middle = (low + high) / 2;
    if (chunk.entries[middle].key <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const RunIndex::Entry* RunIndex::find(Key key) const {
  if (chunks_.empty()) return nullptr;
  std::size_t at = chunk_of(key);
  std::uint32_t above = upper(*chunks_[at], key);
  if (above > 0) return &chunks_[at]->entries[above - 1];
  // A chunk's bound may lie below its first key once that was erased.
  while (at > 0) {
    const Chunk& chunk = *chunks_[--at];
    if (chunk.count > 0) return &chunk.entries[chunk.count - 1];
  }
  return nullptr;
}

const RunIndex::Entry* RunIndex::after(Key key) const {
  if (chunks_.empty()) return nullptr;
  std::size_t at = chunk_of(key);
  std::uint32_t above = upper(*chunks_[at], key);
  if (above < chunks_[at]->count) return &chunks_[at]->entries[above];
  while (++at < chunks_.size()) {
    if (chunks_[at]->count > 0) return &chunks_[at]->entries[0];
  }
  return nullptr;
}

void RunIndex::insert(Key key, Handle handle) {
  if (chunks_.empty()) {
    chunks_.push_back(new Chunk);
    chunks_.back()->count = 0;
    firsts_.push_back(0);
  }
  std::size_t at = chunk_of(key);
  if (chunks_[at]->count == kChunk) {
    Chunk& full = *chunks_[at];
    // What is appended at the end leaves full chunks behind.
    std::uint32_t keep = at + 1 == chunks_.size() && key > full.entries[kChunk - 1].key
                             ? kChunk - kChunk / 8
                             : kChunk / 2;
    auto* half = new Chunk;
    half->count = kChunk - keep;
    std::memcpy(half->entries, full.entries + keep, half->count * sizeof(Entry));
    full.count = keep;
    firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(at) + 1, half->entries[0].key);
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, half);
    if (key >= firsts_[at + 1]) ++at;
  }
  recent_ = at;
  Chunk& chunk = *chunks_[at];
  // What a client writes anew comes last.
  const bool last = chunk.count > 0 && chunk.entries[chunk.count - 1].key < key;
  std::uint32_t place = last ? chunk.count : upper(chunk, key);
  std::memmove(chunk.entries + place + 1, chunk.entries + place,
               (chunk.count - place) * sizeof(Entry));
  chunk.entries[place] = Entry{key, handle};
  ++chunk.count;
  ++size_;
}

void RunIndex::erase(Key key) {
  std::size_t at = chunk_of(key);
  Chunk& chunk = *chunks_[at];
  std::uint32_t place = upper(chunk, key) - 1;
  std::memmove(chunk.entries + place, chunk.entries + place + 1,
               (chunk.count - place - 1) * sizeof(Entry));
  --chunk.count;
  --size_;
  if (chunk.count == 0 && chunks_.size() > 1) {
    delete &chunk;
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at));
    firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(at));
    firsts_[0] = 0;
    recent_ = 0;
  }
}

void RunIndex::move_start(Key from, Key to) {
  std::size_t at = chunk_of(from);
  Chunk& chunk = *chunks_[at];
  // Who erases character by character moves one start again and again.
  std::uint32_t place = recent_moved_;
  if (place >= chunk.count || chunk.entries[place].key != from) place = upper(chunk, from) - 1;
  recent_moved_ = place;
  if (to >= firsts_[at] && (at + 1 == chunks_.size() || to < firsts_[at + 1])) {
    chunk.entries[place].key = to;
    return;
  }
  Handle handle = chunk.entries[place].handle;
  erase(from);
  insert(to, handle);
}

std::size_t RunIndex::memory() const {
  return chunks_.size() * (sizeof(Chunk) + sizeof(Key) + sizeof(void*));
}

}  // namespace converge
