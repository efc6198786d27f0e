// What every exported function keeps to.
//
// Texts and bytes come in as address and size. The host asks converge_input()
// for room, writes them there, and calls; the room is used again by the next
// call. What a function gives back beyond a number stands at converge_output(),
// converge_output_size() bytes, until the next call.
//
// A function that may fail returns 0, or 1 + ErrorCode; its output is then the
// message and the detail, packed. The module traps only when memory runs out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/field.h"
#include "core/result.h"

#define CONVERGE_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace converge::wasm {

using Status = std::uint32_t;

// Where the current call's output goes.
std::string& output();

// Empties the output and returns 0.
Status done();

// Puts the error out and returns its status.
Status failed(const Error& error);

template <typename T>
Status finish(const Result<T>& result) {
  return result ? done() : failed(result.error());
}

// A random replica below 2^53, from what converge_seed() was given.
ReplicaId draw_replica();

}  // namespace converge::wasm
