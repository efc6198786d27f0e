#include "gather_window.h"

#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>

namespace converge::bridge {

namespace {

constexpr double kIdleLoad = 0.5;
constexpr double kFullLoad = 0.9;
constexpr std::chrono::milliseconds kBetweenSamples{20};
constexpr double kSmoothing = 0.2;  // seconds

// For how long this thread was ready to run and waited for a processor: the
// second figure of Linux's schedstat; 0 where there is none.
std::chrono::nanoseconds waited_for_processor() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/thread-self/schedstat", "re"), std::fclose);
  unsigned long long ran = 0;
  unsigned long long waited = 0;
  if (!file || std::fscanf(file.get(), "%llu %llu", &ran, &waited) != 2) return {};
  return std::chrono::nanoseconds(waited);
}

std::chrono::nanoseconds thread_busy() {
  timespec ran{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
  return std::chrono::seconds(ran.tv_sec) + std::chrono::nanoseconds(ran.tv_nsec) + waited_for_processor();
}

}  // namespace

std::chrono::microseconds GatherWindow::window() {
  if (longest_.count() == 0) return {};
  const auto now = Clock::now();
  if (now - sampled_ >= kBetweenSamples) sample(now);
  const double share = std::clamp((load_ - kIdleLoad) / (kFullLoad - kIdleLoad), 0.0, 1.0);
  return std::chrono::microseconds(static_cast<std::int64_t>(share * static_cast<double>(longest_.count())));
}

void GatherWindow::sample(Clock::time_point now) {
  const auto busy = thread_busy();
  const std::chrono::duration<double> time = now - sampled_;
  const std::chrono::duration<double> worked = busy - busy_;
  if (sampled_ != Clock::time_point{}) {
    const double share = std::min(1.0, worked / time);
    load_ += (1 - std::exp(-time.count() / kSmoothing)) * (share - load_);
  }
  sampled_ = now;
  busy_ = busy;
}

void GatherWindow::at_end(std::function<void()> collect, std::function<void()> write) {
  collect_ = std::move(collect);
  write_ = std::move(write);
}

void GatherWindow::end_turn_later() {
  if (ending_) return;
  if (working_) {
    asked_ = true;
    return;
  }
  ending_ = true;
  const auto end = ended_ + window();
  if (end <= Clock::now()) {
    return asio::post(timer_.get_executor(), [this] {
      ending_ = false;
      end_turn();
    });
  }
  timer_.expires_at(end);
  timer_.async_wait([this](boost::system::error_code) {
    ending_ = false;
    end_turn();
  });
}

void GatherWindow::end_turn() {
  Within within(ending_turn_);
  {
    Within collecting(working_);  // what it asks to be written still belongs to this turn
    collect_();
  }
  asked_ = false;
  ended_ = Clock::now();
  write_();
}

}  // namespace converge::bridge
