#include "passed_over.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace converge::bridge {

void PassedOver::note(std::uint32_t transaction, std::uint64_t before) {
  if (transaction == latest_) return;
  latest_ = transaction;
  noted_.push_back({transaction, ++count_, before});
}

// xmin:xmax:running,running,…, all as 64-bit transaction ids.
bool PassedOver::take_snapshot(std::string_view snapshot) {
  std::vector<std::uint64_t> numbers;
  const char* at = snapshot.data();
  const char* end = at + snapshot.size();
  while (at < end) {
    std::uint64_t number = 0;
    auto [rest, failure] = std::from_chars(at, end, number);
    if (failure == std::errc{}) numbers.push_back(number);
    at = rest + 1;
  }
  if (numbers.size() < 2) return false;
  std::uint64_t xmin = numbers[0];
  std::uint64_t xmax = numbers[1];
  std::sort(numbers.begin() + 2, numbers.end());

  std::erase_if(noted_, [&](const Noted& noted) {
    // The stream's ids lack the upper half; all are within 2^31 of the snapshot's.
    auto behind = static_cast<std::int32_t>(static_cast<std::uint32_t>(xmax) - noted.transaction);
    if (behind <= 0) return false;  // began after it
    std::uint64_t transaction = xmax - static_cast<std::uint64_t>(behind);
    return transaction < xmin || !std::binary_search(numbers.begin() + 2, numbers.end(), transaction);
  });
  return true;
}

}  // namespace converge::bridge
