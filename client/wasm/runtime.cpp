// What the C++ runtime calls when it gives up. Its own versions write to
// standard error first, which would make the module import half of WASI; a trap
// tells the host as much.
#include <__config>

extern "C" {

[[noreturn]] void abort() { __builtin_trap(); }

[[noreturn]] void abort_message(const char*, ...) { __builtin_trap(); }
}

_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD
