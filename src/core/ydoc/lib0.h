// The primitives of lib0, Yjs's own encoding: what updates and state vectors are
// made of.
//
//   varuint   LEB128, at most 53 bits; longer forms than needed are accepted
//   varint    the sign in bit 6 of the first byte, seven bits in all others;
//             there is a negative zero
//   string    a varuint, its length in bytes, and UTF-8
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/codec/reader.h"
#include "core/codec/varint.h"

namespace converge::lib0 {

struct SignedInt {
  std::uint64_t magnitude = 0;
  bool negative = false;

  std::int64_t value() const {
    const auto size = static_cast<std::int64_t>(magnitude);
    return negative ? -size : size;
  }
};

// A varuint below 2^53.
std::uint64_t read_uint(Reader& in);
// A varint; the magnitude is below 2^53.
SignedInt read_int(Reader& in);
// A string or byte array: what its length, a varuint, says.
std::string_view read_bytes(Reader& in);

inline void write_uint(std::string& out, std::uint64_t value) { append_varint(out, value); }
void write_int(std::string& out, SignedInt value);
inline void write_bytes(std::string& out, std::string_view bytes) { append_string(out, bytes); }

// The columns of an update v2. A decoder that runs out of values fails `Reader`.

// A value, and how often it comes, less one; the last one comes for ever.
class RleReader {
 public:
  RleReader() : in_({}) {}
  explicit RleReader(std::string_view column) : in_(column) {}
  std::uint8_t read();
  bool failed() const { return in_.failed(); }

 private:
  Reader in_;
  std::uint8_t value_ = 0;
  std::uint64_t count_ = 0;
  bool forever_ = false;
};

class RleWriter {
 public:
  void write(std::uint8_t value);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::uint8_t value_ = 0;
  std::uint64_t count_ = 0;
};

// Numbers below 2^53, each with how often it comes.
enum class Column {
  values,       // UintOptRle: a varint, negative if how often the number comes, less two, follows
  differences,  // IntDiffOptRle: a varint, the difference to the number before, twice, and one
                // more if how often that comes, less two, follows
};

template <Column kColumn>
class OptRleReader {
 public:
  OptRleReader() : in_({}) {}
  explicit OptRleReader(std::string_view column) : in_(column) {}
  std::uint64_t read();
  bool failed() const { return in_.failed(); }

 private:
  Reader in_;
  std::int64_t value_ = 0;
  std::int64_t step_ = 0;  // the value, or the difference
  std::uint64_t count_ = 0;
};
using UintOptRleReader = OptRleReader<Column::values>;
using IntDiffOptRleReader = OptRleReader<Column::differences>;

template <Column kColumn>
class OptRleWriter {
 public:
  void write(std::uint64_t value);
  std::string take();

 private:
  void flush();
  std::string out_;
  std::int64_t value_ = 0;
  std::int64_t step_ = 0;
  std::uint64_t count_ = 0;
};
using UintOptRleWriter = OptRleWriter<Column::values>;
using IntDiffOptRleWriter = OptRleWriter<Column::differences>;

}  // namespace converge::lib0
