// The completion handler of a command's coroutines: an exception that leaves
// one leaves io_context::run() too, and so reaches main().
#pragma once

#include <exception>
#include <utility>

namespace converge::cli {

template <typename Finish>
auto rethrow_and(Finish finish) {
  return [finish = std::move(finish)](std::exception_ptr error) mutable {
    finish();
    if (error) std::rethrow_exception(error);
  };
}

}  // namespace converge::cli
