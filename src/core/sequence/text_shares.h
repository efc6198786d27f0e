// Shares out the text of an encoding to its visible runs, which stand in the same
// order.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/codec/reader.h"
#include "core/sequence/run_table.h"
#include "core/sequence/utf16.h"

namespace converge {

class TextShares {
 public:
  // Fails `in` if the text has not as many units as the runs.
  TextShares(Reader& in, const RunTable& table, std::string_view text)
      : in_(in), text_(text), ascii_(table.visible_units() == text.size()) {
    if (count_units(text) != table.visible_units()) {
      in.fail("its text has not as many units as its runs");
      text_ = {};
    }
  }

  // The next run's, of `units` units; fails `in` if it ends inside a surrogate pair.
  std::string_view take(std::uint32_t units) {
    std::size_t bytes = units;
    if (!ascii_) {
      bytes = 0;
      std::uint32_t have = 0;
      while (have < units && bytes < text_.size()) {
        const std::uint32_t size = utf8_bytes_of(text_[bytes]);
        bytes += size;
        have += units_of_bytes(size);
      }
      if (have != units) in_.fail("a run ends inside a surrogate pair");
    }
    const std::string_view share = text_.substr(0, bytes);
    text_.remove_prefix(share.size());
    return share;
  }

 private:
  Reader& in_;
  std::string_view text_;
  bool ascii_;
};

}  // namespace converge
