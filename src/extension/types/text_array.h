// text[] at the boundary.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "utils/array.h"
}

#include <cstring>
#include <string_view>
#include <vector>

namespace converge {

// The elements of an array argument; they live as long as the array.
struct TextElements {
  const std::string_view* begin_;
  int count;
  const std::string_view* begin() const { return begin_; }
  const std::string_view* end() const { return begin_ + count; }
};

// Glue. What a null element is to the caller.
enum class Nulls { refuse, skip };

// Glue. Refusing nulls, ereports null_value_not_allowed: "`what` cannot be null".
TextElements text_elements(ArrayType* array, Nulls nulls, const char* what);

// Body: the elements as text datums, for text_array().
struct TextDatums {
  Datum* begin;
  int count;
};
TextDatums text_datums(const std::vector<std::string_view>& elements);

// Glue: the array of them, one-dimensional, or empty.
Datum text_array(TextDatums elements);

}  // namespace converge
