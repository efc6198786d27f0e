#include "config.h"

#include <libpq-fe.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <functional>

namespace converge::bridge {

namespace {

// Takes a value in its text form; the answer says what is wrong with it.
using Setter = std::function<std::string(Config&, std::string_view)>;
using Getter = std::function<std::string(const Config&)>;

struct Option {
  std::string name;
  std::string argument;  // empty: a switch
  std::string help;
  Setter set;
  Getter get;
};

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

std::string scaled(std::string_view text, std::initializer_list<Unit> units, std::string_view what,
                   std::uint64_t& value) {
  const char* end = text.data() + text.size();
  auto [rest, failure] = std::from_chars(text.data(), end, value);
  std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : units) {
    if (failure != std::errc{} || suffix != unit.suffix) continue;
    if (value > UINT64_MAX / unit.factor) break;
    value *= unit.factor;
    return {};
  }
  std::string message = "expected ";
  message += what;
  return message;
}

Option switch_option(std::string name, std::string help, bool Config::*field) {
  return {std::move(name), "", std::move(help),
          [field](Config& config, std::string_view value) -> std::string {
            if (value != "on" && value != "off" && !value.empty()) return "expected on or off";
            config.*field = value != "off";
            return {};
          },
          [field](const Config& config) { return std::string(config.*field ? "on" : "off"); }};
}

template <class Enum>
struct Choice {
  const char* name;
  Enum value;
};

template <class Enum>
Option choice_option(std::string name, std::string help, Enum Config::*field, std::vector<Choice<Enum>> choices) {
  std::string names;
  for (const auto& choice : choices) names += (names.empty() ? "" : "|") + std::string(choice.name);
  return {std::move(name), names, std::move(help),
          [=](Config& config, std::string_view value) -> std::string {
            for (const auto& choice : choices) {
              if (value != choice.name) continue;
              config.*field = choice.value;
              return {};
            }
            return "expected " + names;
          },
          [=](const Config& config) -> std::string {
            for (const auto& choice : choices)
              if (config.*field == choice.value) return choice.name;
            return {};
          }};
}

Option file_option(std::string name, std::string help, std::string Config::*field) {
  return {std::move(name), "FILE", std::move(help),
          [field](Config& config, std::string_view value) -> std::string {
            std::string path(value);
            if (!path.empty() && access(path.c_str(), R_OK) != 0) return "expected a file that can be read";
            config.*field = path;
            return {};
          },
          [field](const Config& config) { return config.*field; }};
}

Option count_option(std::string name, std::string help, unsigned Config::*field, unsigned least, unsigned most) {
  return {std::move(name), "N", std::move(help),
          [=](Config& config, std::string_view value) -> std::string {
            std::uint64_t number = 0;
            if (!scaled(value, {{"", 1}}, "", number).empty() || number < least || number > most)
              return "expected a number from " + std::to_string(least) + " to " + std::to_string(most);
            config.*field = static_cast<unsigned>(number);
            return {};
          },
          [=](const Config& config) { return std::to_string(config.*field); }};
}

Option size_option(std::string name, std::string help, std::size_t Config::*field, std::size_t least,
                   std::size_t most = SIZE_MAX) {
  return {std::move(name), "BYTES", std::move(help),
          [=](Config& config, std::string_view value) -> std::string {
            std::uint64_t bytes = 0;
            std::string wrong = scaled(value, {{"", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}},
                                       "a size such as 65536, 64kB or 1MB", bytes);
            if (wrong.empty() && bytes < least) wrong = "expected at least " + std::to_string(least) + " bytes";
            if (wrong.empty() && bytes > most) wrong = "expected at most " + std::to_string(most) + " bytes";
            if (wrong.empty()) config.*field = bytes;
            return wrong;
          },
          [=](const Config& config) { return std::to_string(config.*field); }};
}

Option time_option(std::string name, std::string help, Milliseconds Config::*field, std::uint64_t least = 1) {
  return {std::move(name), "TIME", std::move(help),
          [=](Config& config, std::string_view value) -> std::string {
            std::uint64_t time = 0;
            std::string wrong = scaled(value, {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}},
                                       "a time such as 500ms, 10s or 2min", time);
            if (wrong.empty() && (time < least || time > 86400000))
              wrong = "expected a time from " + std::to_string(least) + "ms to 24h";
            if (wrong.empty()) config.*field = Milliseconds(time);
            return wrong;
          },
          [=](const Config& config) { return std::to_string((config.*field).count()) + "ms"; }};
}

std::string set_listen(Config& config, std::string_view value) {
  std::size_t colon = value.rfind(':');
  std::uint64_t port = 0;
  if (colon == std::string_view::npos || colon == 0 ||
      !scaled(value.substr(colon + 1), {{"", 1}}, "", port).empty() || port > 65535)
    return "expected ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080";
  std::string_view address = value.substr(0, colon);
  if (address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  config.listen_address = address;
  config.listen_port = static_cast<std::uint16_t>(port);
  return {};
}

std::string get_listen(const Config& config) {
  bool six = config.listen_address.find(':') != std::string::npos;
  return (six ? "[" + config.listen_address + "]" : config.listen_address) + ":" + std::to_string(config.listen_port);
}

// A connection string without its password.
std::string shown_database(const std::string& conninfo) {
  PQconninfoOption* parts = PQconninfoParse(conninfo.c_str(), nullptr);
  std::string text;
  for (PQconninfoOption* part = parts; part != nullptr && part->keyword != nullptr; ++part) {
    if (part->val == nullptr) continue;
    if (!text.empty()) text += ' ';
    text += part->keyword;
    text += '=';
    text += part->dispchar[0] == '*' ? "********" : part->val;
  }
  PQconninfoFree(parts);
  return text;
}

std::string check_database(std::string_view conninfo) {
  char* problem = nullptr;
  PQconninfoOption* parts = PQconninfoParse(std::string(conninfo).c_str(), &problem);
  if (parts == nullptr) {
    std::string message = problem != nullptr ? problem : "out of memory";
    PQfreemem(problem);
    while (!message.empty() && message.back() == '\n') message.pop_back();
    return message;
  }
  PQconninfoFree(parts);
  return {};
}

Option database_option(std::string name, std::string help, std::string Config::*field) {
  return {std::move(name), "CONNINFO", std::move(help),
          [field](Config& config, std::string_view value) {
            std::string wrong = check_database(value);
            if (wrong.empty()) config.*field = value;
            return wrong;
          },
          [field](const Config& config) { return shown_database(config.*field); }};
}

std::string set_slot(Config& config, std::string_view value) {
  constexpr std::size_t kLongest = 60;  // of 63, and a worker's number
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (value.size() > kLongest || !std::all_of(value.begin(), value.end(), allowed))
    return "expected a name of at most 60 small letters, digits and underscores";
  config.slot = value;
  return {};
}

std::string set_web(Config& config, std::string_view value) {
  struct stat status {};
  std::string path(value);
  if (!path.empty() && (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))) return "not a folder";
  config.web = path;
  return {};
}

std::string set_origins(Config& config, std::string_view value) { return parse_origins(value, config.origins); }

const std::vector<Option>& options() {
  static const std::vector<Option> table = {
      database_option("database", "the database, as libpq takes it (a role that is a member of converge_client)",
                      &Config::database),
      choice_option<Source>("source", "where the stream of changes is read from: the background worker, on this host, or "
                            "the replication protocol, which needs the attribute REPLICATION",
                            &Config::source, {{"worker", Source::worker}, {"replication", Source::replication}}),
      {"slot", "NAME", "the replication slot to read from, which is kept; a temporary one if none is named", set_slot,
       [](const Config& c) { return c.slot; }},
      {"listen", "ADDRESS:PORT", "where to listen; port 0 takes a free one", set_listen, get_listen},
      {"web", "DIR", "serve the files of this folder at /", set_web, [](const Config& c) { return c.web; }},
      {"origins", "LIST", "whose pages may connect: any, or a list of same (this address) and origins", set_origins,
       [](const Config& c) { return origins_text(c.origins); }},
      database_option("sql-box", "run statements of whoever has a token at /sql, connected like this: for demos and development",
                      &Config::sql_box),
      count_option("workers", "threads, each with database connections of its own", &Config::workers, 1, 64),
      count_option("database-connections", "database connections of a worker, beside those that push",
                   &Config::database_connections, 1, 100),
      count_option("push-connections", "database connections of a worker that push at the same time",
                   &Config::push_connections, 1, 100),
      time_option("gather", "longest time that changes are gathered in under load; 0ms gathers never", &Config::gather, 0),
      size_option("max-message", "longest message taken from a client", &Config::max_message, 1024),
      size_option("send-queue", "waiting for one client before it is caught up by pull instead",
                  &Config::send_queue, 1024),
      size_option("push-queue", "one client's pushes in the works before its connection is read on",
                  &Config::push_queue, 1024),
      size_option("push-batch", "changes gathered into one call of converge.push()", &Config::push_batch, 1024),
      size_option("yjs-copies", "a worker's copies of Yjs documents that are followed, from which newcomers are told what they "
                  "lack; 0 keeps none", &Config::yjs_copies, 0),
      count_option("max-connections", "connections of the process", &Config::max_connections, 1, 1000000),
      count_option("max-connections-per-address", "connections from one address; 0 sets no bound",
                   &Config::max_connections_per_address, 0, 1000000),
      count_option("max-connections-per-tenant", "connections of one tenant; 0 sets no bound",
                   &Config::max_connections_per_tenant, 0, 1000000),
      count_option("max-subscriptions", "documents that one connection may follow", &Config::max_subscriptions, 1,
                   100000),
      size_option("max-presence", "longest state of a client's presence, at most 16kB", &Config::max_presence, 64, 16 << 10),
      count_option("max-presences-per-connection", "presences that one connection may show",
                   &Config::max_presences_per_connection, 1, 10000),
      count_option("max-presences-per-document", "presences at one document", &Config::max_presences_per_document, 1,
                   100000),
      time_option("handshake-timeout", "from the connection to a verified Hello", &Config::handshake_timeout),
      time_option("idle-timeout", "without a sign of life from the client; it is pinged at half of it",
                  &Config::idle_timeout, 100),
      time_option("subscribe-timeout", "for a subscription to become live", &Config::subscribe_timeout),
      time_option("push-timeout", "that a push waits for a database that is away", &Config::push_timeout),
      time_option("statement-timeout", "of one database statement", &Config::statement_timeout),
      time_option("recheck-interval", "between two checks of what a client may read", &Config::recheck_interval, 100),
      time_option("worker-timeout", "that the background worker may give no sign of life; 0: for ever",
                  &Config::worker_timeout, 0),
      time_option("presence-timeout", "that a presence lasts unless its client repeats it", &Config::presence_timeout, 100),
      time_option("close-delay", "longest that the close of a Yjs provider is held back which connects again and again "
                  "to be refused; 0 holds none", &Config::close_delay, 0),
      time_option("drain-timeout", "for an orderly shutdown", &Config::drain_timeout),
      choice_option<Compress>("compress", "what is compressed for clients that offer permessage-deflate",
                              &Config::compress,
                              {{"off", Compress::off}, {"states", Compress::states}, {"all", Compress::all}}),
      choice_option<MetricsAccess>(
          "metrics", "who may read /metrics", &Config::metrics,
          {{"off", MetricsAccess::off}, {"local", MetricsAccess::local}, {"all", MetricsAccess::all}}),
      file_option("tls-certificate", "speak TLS with this certificate and its chain (PEM); read again at SIGHUP",
                  &Config::tls_certificate),
      file_option("tls-key", "its key, if that is in a file of its own (PEM)", &Config::tls_key),
      choice_option<TlsVersion>("tls-version", "the oldest version of TLS that is spoken", &Config::tls_version,
                                {{"1.2", TlsVersion::v1_2}, {"1.3", TlsVersion::v1_3}}),
      switch_option("verbose", "log every connection", &Config::verbose),
  };
  return table;
}

const Option* find_option(std::string_view name) {
  const auto& table = options();
  auto found = std::find_if(table.begin(), table.end(), [&](const Option& option) { return option.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view option) {
  std::string name = "CONVERGE_";
  for (char c : option) name += c == '-' ? '_' : static_cast<char>(toupper(c));
  return name;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::optional<ConfigError> set(Config& config, const Option& option, std::string_view value, const std::string& where) {
  std::string wrong = option.set(config, value);
  if (wrong.empty()) return {};
  return ConfigError{where + ": " + wrong + ", not \"" + std::string(value) + "\""};
}

std::optional<ConfigError> read_file(const std::string& path, Config& config) {
  std::ifstream file(path);
  if (!file) return ConfigError{"could not read the configuration file \"" + path + "\""};
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    std::string where = path + ":" + std::to_string(number);
    std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return ConfigError{where + ": expected NAME = VALUE"};
    std::string name(trimmed(text.substr(0, equals)));
    const Option* option = find_option(name);
    if (option == nullptr) return ConfigError{where + ": unknown setting \"" + name + "\""};
    if (auto error = set(config, *option, trimmed(text.substr(equals + 1)), where)) return error;
  }
  return {};
}

}  // namespace

std::optional<ConfigError> parse_config(const std::vector<std::string>& arguments, ParsedConfig& parsed) {
  struct Given {
    const Option* option;
    std::string value;
  };
  std::vector<Given> given;
  const char* file_in_environment = std::getenv("CONVERGE_CONFIG");
  std::string file = file_in_environment != nullptr ? file_in_environment : "";

  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") { parsed.help = true; continue; }
    if (argument == "--version") { parsed.version = true; continue; }
    if (argument == "--check-config") { parsed.check_only = true; continue; }
    if (argument.rfind("--", 0) != 0) return ConfigError{"unexpected argument \"" + argument + "\""};
    std::size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option* option = find_option(name);
    bool is_file = name == "config";
    if (option == nullptr && !is_file) return ConfigError{"unknown option \"--" + name + "\""};
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (is_file || !option->argument.empty()) {
      if (++i == arguments.size()) return ConfigError{"option \"--" + name + "\" needs a value"};
      value = arguments[i];
    }
    if (is_file) {
      file = value;
    } else {
      given.push_back({option, value});
    }
  }
  if (parsed.help || parsed.version) return {};

  if (!file.empty())
    if (auto error = read_file(file, parsed.config)) return error;
  for (const Option& option : options()) {
    std::string name = environment_name(option.name);
    if (const char* value = std::getenv(name.c_str()))
      if (auto error = set(parsed.config, option, value, name)) return error;
  }
  for (const Given& one : given)
    if (auto error = set(parsed.config, *one.option, one.value, "--" + one.option->name)) return error;
  return {};
}

std::string config_help() {
  std::string text =
      "converge-bridge: carries Converge's documents between PostgreSQL and WebSocket clients\n\n"
      "Usage: converge-bridge [OPTION…]\n\n"
      "Each option can also be set in the environment (--send-queue as CONVERGE_SEND_QUEUE)\n"
      "or in the file that --config names (send-queue = 1MB).\n\n";
  auto add = [&](const std::string& left, const std::string& right) {
    text += "  " + left + std::string(left.size() < 32 ? 32 - left.size() : 1, ' ') + right + "\n";
  };
  Config defaults;
  for (const Option& option : options()) {
    std::string left = "--" + option.name + (option.argument.empty() ? "" : " " + option.argument);
    std::string value = option.get(defaults);
    add(left, option.help + (value.empty() ? "" : " [" + value + "]"));
  }
  add("--config FILE", "read settings from this file");
  add("--check-config", "print the settings and end");
  add("--version", "print the version and end");
  add("--help", "print this and end");
  return text;
}

std::string config_text(const Config& config) {
  std::string text;
  for (const Option& option : options()) text += option.name + " = " + option.get(config) + "\n";
  return text;
}

}  // namespace converge::bridge
