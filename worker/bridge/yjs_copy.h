// Copies of the Yjs documents that are followed: who comes to one is told from it what it
// lacks, and the database need not read the document again.
//
// A copy holds just what its document's subscribers were sent, and nothing that was not on
// its way to all of them. It begins with a subscription, and takes from then on what the hub
// sends; it can answer as soon as it was given what came before, as pull() has it. It says
// nothing about who may read: whoever is answered from one has been found to by the database.
//
// Bounds: kLargestYjsCopy for each, and the room for all of a worker's, beyond which those are
// forgotten that were not asked for the longest time.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "converge.pb.h"

namespace converge::bridge {

class YjsCopies;

// Bytes of an encoded field of type ydoc. To bring one up to date and compare it takes the
// worker's thread up to 20 µs for each kB; larger ones the database compares, which has
// more processes for it.
inline constexpr std::size_t kLargestYjsCopy = 64 << 10;

// Of one field of a document.
class YjsCopy {
 public:
  YjsCopy(YjsCopies& copies, std::string field);
  ~YjsCopy();
  YjsCopy(const YjsCopy&) = delete;
  YjsCopy& operator=(const YjsCopy&) = delete;

  const std::string& field() const { return field_; }

  // What the document's subscribers are sent: changes as append_change() (messages.h) encodes them.
  void add(std::string_view encoded_changes);
  // The encoded field with everything that they had been sent when the copy began.
  void complete(std::string_view state);

  bool can_answer() const { return complete_ && !forgotten(); }
  // What a client of that state vector lacks. False: it cannot answer (any more), or the
  // state vector is malformed.
  bool answer(std::string_view state_vector, wire::YjsState* lacking);

  // It is not right any longer, or there is no room: it takes and answers nothing more.
  void forget();
  bool forgotten() const { return copies_ == nullptr; }

 private:
  friend class YjsCopies;

  bool join_pending();
  void account();

  YjsCopies* copies_;  // null: forgotten
  std::list<YjsCopy*>::iterator place_;
  const std::string field_;
  bool complete_ = false;
  std::string state_;    // encoded
  std::string pending_;  // the field's deltas that are not joined to it yet, each behind its length
  std::size_t pending_count_ = 0;
  std::size_t accounted_ = 0;  // bytes
};

// Those of one worker.
class YjsCopies {
 public:
  // `room`: bytes for all of them; with 0 there are none.
  explicit YjsCopies(std::size_t room) : room_(room) {}
  ~YjsCopies();
  YjsCopies(const YjsCopies&) = delete;
  YjsCopies& operator=(const YjsCopies&) = delete;

  // Null where there is no room for any.
  std::shared_ptr<YjsCopy> begin(const std::string& field);

  std::size_t bytes() const { return bytes_; }

 private:
  friend class YjsCopy;

  const std::size_t room_;
  std::size_t bytes_ = 0;
  std::list<YjsCopy*> by_use_;  // the one that was asked for last first
};

}  // namespace converge::bridge
