#include "core/ydoc/lib0.h"

namespace converge::lib0 {

namespace {

constexpr std::uint64_t kLimit = std::uint64_t{1} << 53;

}  // namespace

std::uint64_t read_uint(Reader& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t next = in.byte();
    if (in.failed()) return 0;
    if (shift < 56) value |= std::uint64_t{next & 0x7fu} << shift;
    if (value >= kLimit || shift > 63 || (shift >= 56 && (next & 0x7f) != 0)) {
      in.fail("a number exceeds 53 bits");
      return 0;
    }
    if (next < 0x80) return value;
  }
}

SignedInt read_int(Reader& in) {
  std::uint8_t next = in.byte();
  SignedInt read{next & 0x3fu, (next & 0x40) != 0};
  for (unsigned shift = 6; next >= 0x80; shift += 7) {
    next = in.byte();
    if (in.failed()) return {};
    if (shift < 55) read.magnitude |= std::uint64_t{next & 0x7fu} << shift;
    if (read.magnitude >= kLimit || shift > 63 || (shift >= 55 && (next & 0x7f) != 0)) {
      in.fail("a number exceeds 53 bits");
      return {};
    }
  }
  return read;
}

std::string_view read_bytes(Reader& in) {
  const std::uint64_t size = read_uint(in);
  if (size > in.remaining()) {
    in.fail("it ends too early");
    return {};
  }
  return in.bytes(static_cast<std::size_t>(size));
}

void write_int(std::string& out, SignedInt value) {
  std::uint64_t rest = value.magnitude >> 6;
  out.push_back(static_cast<char>((value.magnitude & 0x3f) | (value.negative ? 0x40 : 0) |
                                  (rest > 0 ? 0x80 : 0)));
  if (rest > 0) append_varint(out, rest);
}

// ---- columns -------------------------------------------------------------

std::uint8_t RleReader::read() {
  if (count_ == 0 && !forever_) {
    value_ = in_.byte();
    if (in_.at_end()) {
      forever_ = true;
    } else {
      count_ = read_uint(in_) + 1;
    }
  }
  if (!forever_) --count_;
  return value_;
}

void RleWriter::write(std::uint8_t value) {
  if (count_ > 0 && value == value_) {
    ++count_;
    return;
  }
  if (count_ > 0) write_uint(out_, count_ - 1);
  count_ = 1;
  value_ = value;
  out_.push_back(static_cast<char>(value));
}

template <Column kColumn>
std::uint64_t OptRleReader<kColumn>::read() {
  if (count_ == 0) {
    const SignedInt read = read_int(in_);
    bool repeated = read.negative;
    if (kColumn == Column::values) {
      step_ = static_cast<std::int64_t>(read.magnitude);
    } else {
      step_ = read.value() >> 1;
      repeated = (read.value() & 1) != 0;
    }
    count_ = repeated ? read_uint(in_) + 2 : 1;
  }
  --count_;
  value_ = kColumn == Column::values ? step_ : value_ + step_;
  // Beyond what a clock can be; whoever reads it refuses it.
  if (value_ < 0 || value_ >= static_cast<std::int64_t>(kLimit)) {
    in_.fail("a number is out of range");
    value_ = 0;
  }
  return static_cast<std::uint64_t>(value_);
}

template <Column kColumn>
void OptRleWriter<kColumn>::write(std::uint64_t value) {
  const auto next = static_cast<std::int64_t>(value);
  const std::int64_t step = kColumn == Column::values ? next : next - value_;
  value_ = next;
  if (step == step_) {
    ++count_;
    return;
  }
  flush();
  count_ = 1;
  step_ = step;
}

template <Column kColumn>
void OptRleWriter<kColumn>::flush() {
  if (count_ == 0) return;
  if (kColumn == Column::values) {
    write_int(out_, {static_cast<std::uint64_t>(step_), count_ > 1});
  } else {
    const std::int64_t both = step_ * 2 + (count_ == 1 ? 0 : 1);
    write_int(out_, {static_cast<std::uint64_t>(both < 0 ? -both : both), both < 0});
  }
  if (count_ > 1) write_uint(out_, count_ - 2);
}

template <Column kColumn>
std::string OptRleWriter<kColumn>::take() {
  flush();
  return std::move(out_);
}

template class OptRleReader<Column::values>;
template class OptRleReader<Column::differences>;
template class OptRleWriter<Column::values>;
template class OptRleWriter<Column::differences>;

}  // namespace converge::lib0
