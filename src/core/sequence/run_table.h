// The runs of an encoded text as they are written: each with what it says of
// itself and where it stood on the stack (docs/internals.md), from which its
// identifier and its origins follow. What decoding builds a sequence from, and what
// merging into the encoding looks things up in.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/codec/reader.h"
#include "core/sequence/run.h"

namespace converge {

class RunTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  struct Entry {
    std::uint32_t chain;     // counted over all replicas
    std::uint32_t offset;    // units of the chain that come before
    std::uint32_t length;    // in units
    std::uint32_t below;     // the run under it on the stack: expected left of it, or kNone
    std::uint32_t taken_by;  // the run that took it off: expected right of it, or kNone
    std::uint32_t flags;
  };
  static constexpr std::uint32_t kDeleted = 1;
  static constexpr std::uint32_t kGoesOn = 2;
  static constexpr std::uint32_t kWrittenLeft = 4;   // its left origin is in written()
  static constexpr std::uint32_t kWrittenRight = 8;  // likewise
  static constexpr std::uint32_t kNamesReplica = 16;  // the code holds a replica's number

  // An origin that the stack does not imply; none is an edge of the document.
  struct WrittenOrigin {
    std::uint32_t run;
    bool left;
    UnitId id;
  };

  // Reads the section, which it fails if it is malformed: then nothing else here
  // may be asked for. The table views what `in` reads. `positions`: bit() is wanted.
  void read(Reader& in, std::size_t replicas, bool positions = false);

  std::size_t replicas() const { return known_.size(); }
  std::uint32_t size() const { return size_; }
  const Entry& operator[](std::uint32_t run) const { return entries_[run]; }
  // By run, the left one first.
  const std::vector<WrittenOrigin>& written() const { return written_; }
  // Units of all visible runs.
  std::uint64_t visible_units() const { return visible_; }
  // Units of the replica: its next clock.
  std::uint32_t known(ClientIndex client) const { return known_[client]; }

  // The chains of a replica: [chains_of(client), chains_of(client + 1)).
  std::uint32_t chains_of(ClientIndex client) const { return first_chain_[client]; }
  std::uint32_t chains() const { return first_chain_.back(); }
  // The chain that holds the unit, which there is.
  std::uint32_t chain_of(UnitId unit) const;
  UnitId chain_start(std::uint32_t chain) const { return starts_[chain]; }

  UnitId id(std::uint32_t run) const {
    const Entry& entry = entries_[run];
    return starts_[entry.chain].plus(entry.offset);
  }
  UnitId last(std::uint32_t run) const { return id(run).plus(entries_[run].length - 1); }
  UnitId left(std::uint32_t run) const;
  UnitId right(std::uint32_t run) const;
  // The run of this unit, which there is: `near` if it is that one or the next.
  std::uint32_t find(UnitId unit, std::uint32_t near) const;
  bool deleted(std::uint32_t run) const { return entries_[run].flags & kDeleted; }

  // The codes of the runs, one after another.
  std::string_view bits() const { return bits_; }
  // Where in them the run's code begins, and for size() where the last one ends.
  std::uint64_t bit(std::uint32_t run) const { return positions_[run]; }

 private:
  void read_chain_counts(Reader& in, std::size_t replicas);
  const char* read_entries(Reader& in, std::size_t replicas);
  const char* place_chains(std::size_t replicas);
  const WrittenOrigin& written_of(std::uint32_t run, bool left) const;
  ClientIndex client_of(std::uint32_t chain) const;

  std::unique_ptr<Entry[]> entries_;
  std::uint32_t size_ = 0;
  std::uint64_t visible_ = 0;
  std::vector<WrittenOrigin> written_;
  std::vector<std::uint32_t> joinable_;     // could be one with the run before, by the stack
  std::vector<std::uint32_t> first_chain_;  // of each replica, and the end
  std::vector<std::uint32_t> units_;        // of each chain
  std::vector<UnitId> starts_;              // of each chain
  std::vector<std::uint32_t> known_;
  std::string_view bits_;
  std::unique_ptr<std::uint64_t[]> positions_;
};

}  // namespace converge
