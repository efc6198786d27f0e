#include "core/session/text_alignment.h"

#include <algorithm>

namespace converge::session {

TextAlignment::TextAlignment(std::uint64_t length) {
  if (length > 0) segments_.push_back(Segment{In::both, length});
}

std::size_t TextAlignment::segment_at(std::uint64_t at) {
  std::size_t i = 0;
  while (at > 0 && i < segments_.size()) {
    Segment& segment = segments_[i];
    if (segment.in != In::new_only) {
      if (segment.length > at) {
        const Segment rest{segment.in, segment.length - at};
        segment.length = at;
        segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
        return i + 1;
      }
      at -= segment.length;
    }
    ++i;
  }
  return i;
}

std::uint64_t TextAlignment::new_length_before(std::size_t segment) const {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < segment; ++i) {
    if (segments_[i].in != In::old_only) length += segments_[i].length;
  }
  return length;
}

void TextAlignment::lose(const TextSplice& splice) {
  segment_at(splice.at + splice.deleted);
  const std::size_t from = segment_at(splice.at);
  std::uint64_t left = splice.deleted;
  for (std::size_t i = from; left > 0 && i < segments_.size();) {
    if (segments_[i].in == In::new_only) {
      ++i;
      continue;
    }
    left -= std::min(left, segments_[i].length);
    if (segments_[i].in == In::both) {
      segments_[i++].in = In::new_only;
    } else {
      segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  if (const std::uint64_t inserted = count_chars(splice.inserted); inserted > 0) {
    segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(from),
                     Segment{In::old_only, inserted});
  }
}

std::vector<TextAlignment::Step> TextAlignment::carry(const TextSplice& splice) {
  std::vector<Step> steps;
  segment_at(splice.at + splice.deleted);
  const std::size_t from = segment_at(splice.at);
  std::uint64_t left = splice.deleted;
  for (std::size_t i = from; left > 0 && i < segments_.size();) {
    if (segments_[i].in == In::new_only) {
      ++i;
      continue;
    }
    left -= std::min(left, segments_[i].length);
    if (segments_[i].in == In::both) {
      const std::uint64_t at = new_length_before(i);
      if (!steps.empty() && steps.back().at == at) {
        steps.back().deleted += segments_[i].length;
      } else {
        steps.push_back(Step{at, segments_[i].length, false});
      }
    }
    segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (const std::uint64_t inserted = count_chars(splice.inserted); inserted > 0) {
    steps.push_back(Step{new_length_before(from), 0, true});
    if (from > 0 && segments_[from - 1].in == In::both) {
      segments_[from - 1].length += inserted;  // typing on costs no segment a character
    } else {
      segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(from),
                       Segment{In::both, inserted});
    }
  }
  return steps;
}

}  // namespace converge::session
