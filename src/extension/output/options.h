// The options a consumer gives when it starts to read the stream.
#pragma once

#include "postgres_headers.h"

namespace converge::output {

enum class Format { protobuf, json };
enum class Framing { none, length };

struct Options {
  Format format = Format::protobuf;
  // length: every protobuf frame is preceded by its length, four bytes, big
  // endian, for transports that do not keep messages apart (a file).
  Framing framing = Framing::none;
  // Whether to tell whose access the transactions changed: for bridges.
  bool access = false;
  // What to let through: lists of char * (documents: of uint64 *). NIL: all.
  List* tenants = NIL;
  List* collections = NIL;
  List* documents = NIL;
};

// Reads a list of DefElem, each option once, the filters as often as wanted.
// Allocates in the current memory context. Raises invalid_parameter_value for
// an option or a value that is not known.
Options parse_options(List* elements);

// Whether a filter's list holds the value; an empty list holds everything.
bool passes(const List* filter, const char* value);
bool passes(const List* filter, uint64 value);

}  // namespace converge::output
