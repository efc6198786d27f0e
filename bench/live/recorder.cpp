#include "recorder.h"

#include <algorithm>
#include <limits>

namespace bench {

namespace {

float milliseconds(Recorder::Clock::duration time) {
  return std::chrono::duration<float, std::milli>(time).count();
}

}  // namespace

void Recorder::begin(unsigned clients) {
  authors_.resize(std::max<std::size_t>(authors_.size(), clients));
  for (Author& author : authors_) author.measured_from = static_cast<std::uint32_t>(author.updates.size());
  delivery_.clear();
  acknowledgement_.clear();
  lateness_.clear();
  receipts_ = 0;
}

void Recorder::sent(unsigned author, Time intended) {
  authors_[author].updates.push_back({intended, {}, 0});
  lateness_.push_back(milliseconds(Clock::now() - intended));
}

void Recorder::received(unsigned author, std::uint32_t number) {
  Author& from = authors_[author];
  if (number < from.measured_from || number >= from.updates.size()) return;
  const Time now = Clock::now();
  Update& update = from.updates[number];
  update.last = now;
  ++update.receipts;
  ++receipts_;
  delivery_.push_back(milliseconds(now - update.intended));
}

void Recorder::acknowledged(unsigned author, std::uint32_t number) {
  Author& from = authors_[author];
  const Time now = Clock::now();
  for (; from.acknowledged <= number && from.acknowledged < from.updates.size(); ++from.acknowledged)
    if (from.acknowledged >= from.measured_from)
      acknowledgement_.push_back(milliseconds(now - from.updates[from.acknowledged].intended));
}

double Recorder::last_receiver(unsigned receivers, double fraction) const {
  std::vector<float> times;
  for (const Author& author : authors_)
    for (std::size_t i = author.measured_from; i < author.updates.size(); ++i)
      if (author.updates[i].receipts >= receivers)
        times.push_back(milliseconds(author.updates[i].last - author.updates[i].intended));
  return quantile(times, fraction);
}

double Recorder::quantile(std::vector<float>& times, double fraction) {
  if (times.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto at = std::min(times.size() - 1, static_cast<std::size_t>(fraction * static_cast<double>(times.size())));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(at), times.end());
  return times[at];
}

}  // namespace bench
