// converge: the command line client (README.md beside this file).
#include <CLI/CLI.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <iostream>
#include <optional>

#include "commands.h"
#include "database.h"
#include "session_wire.h"
#include "token.h"
#include "yjs_options.h"

namespace converge::cli {
namespace {

struct PushOptions {
  std::string mode = "at-once";
  int buffer_ms = 100;
  std::optional<int> reconcile_after_s;

  PushTiming timing() const {
    PushTiming timing;
    if (mode == "buffered") timing.buffer = std::chrono::milliseconds(buffer_ms);
    if (reconcile_after_s) timing.reconcile_after = std::chrono::seconds(*reconcile_after_s);
    return timing;
  }
};

struct TokenOptions {
  TokenClaims claims;
  std::string secret;
  std::int64_t lifetime_s = 3600;
};

int print_token(TokenOptions token) {
  token.claims.expires = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count() +
                         token.lifetime_s;
  std::cout << mint_token(token.claims, token.secret) << "\n";
  return kExitOk;
}

// Without a key, or where a temporary one is given, the server makes it.
void name_new_document(const std::string& document, CreateOptions* create) {
  if (document.find('/') == std::string::npos) {
    create->collection = document;
    if (create->temporary_key.empty()) create->temporary_key = std::to_string(draw_replica());
    return;
  }
  const DocumentName name = parse_document(document);
  create->collection = name.collection;
  create->key = name.key;
}

int run(int argc, char** argv) {
  CLI::App app("A live client of Converge's bridge.", "converge");
  app.require_subcommand(1);
  Options options;
  app.add_option("--url", options.url, "the bridge's address")
      ->envname("CONVERGE_URL")
      ->capture_default_str();
  app.add_option("--token", options.token, "the token to present")->envname("CONVERGE_TOKEN");
  app.add_option("--token-file", options.token_file,
                 "instead, a file with the token, read again before the one in use ends")
      ->envname("CONVERGE_TOKEN_FILE");

  PushOptions push;
  app.add_option("--push", push.mode, "when changes are sent: at-once, or buffered (with those of --buffer)")
      ->check(CLI::IsMember({"at-once", "buffered"}))
      ->capture_default_str();
  app.add_option("--buffer", push.buffer_ms, "milliseconds that a buffered change waits for others")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--reconcile-after", push.reconcile_after_s,
                 "seconds: after an absence in which changes waited for so long, they are offered as one")
      ->check(CLI::Range(0, 1'000'000'000));

  std::string document;
  CLI::App* tail_command = app.add_subcommand("tail", "print a document and its changes as they come");
  tail_command->add_option("document", document, "COLLECTION/KEY")->required();

  CreateOptions create_options;
  std::string create_document;
  CLI::App* create_command = app.add_subcommand("create", "make an empty document and print its name");
  create_command->add_option("document", create_document, "COLLECTION/KEY; COLLECTION where the server makes the key")
      ->required();
  create_command->add_option("--temporary-key", create_options.temporary_key,
                             "a name that nothing is made twice under (default: a random one)");

  EditOptions edit_options;
  CLI::App* edit_command = app.add_subcommand("edit", "make one change and wait for the acknowledgement");
  edit_command->add_option("document", edit_options.document, "COLLECTION/KEY")->required();
  edit_command->add_option("field", edit_options.field, "the field")->required();
  edit_command->add_option("operation", edit_options.operation,
                           "insert AT TEXT, delete AT COUNT, splice AT COUNT TEXT, set KEY JSON, "
                           "unset KEY, add ELEMENT, remove ELEMENT")
      ->required();
  edit_command->add_option("arguments", edit_options.arguments, "the operation's arguments");
  edit_command->add_flag("--expect", edit_options.expect,
                         "only if nobody else has written since the document was read");

  ReplayOptions replay_options;
  CLI::App* replay_command = app.add_subcommand("replay", "replay a recorded editing session");
  replay_command->add_option("trace", replay_options.trace, "the recording (gzip JSON)")
      ->required()
      ->check(CLI::ExistingFile);
  replay_command->add_option("document", replay_options.document, "COLLECTION/KEY")->required();
  replay_command->add_option("field", replay_options.field, "the text field")->required();
  replay_command->add_option("--clients", replay_options.clients, "how many live connections")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  replay_command->add_option("--turn", replay_options.turn, "edits a client makes in a row")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  replay_command->add_option("--limit", replay_options.limit, "only so many edits (0: all)");
  replay_command->add_flag("--verify", replay_options.verify,
                           "the text must be the recording's at the end");
  replay_command->add_flag("--progress", replay_options.progress, "say how far it is");

  PresenceOptions presence_options;
  CLI::App* presence_command = app.add_subcommand("presence", "print who else is at a document, and what they show, as it changes");
  presence_command->add_option("document", presence_options.document, "COLLECTION/KEY")->required();
  presence_command->add_option("--show", presence_options.state, "JSON that the others see of this client meanwhile");
  presence_command->add_option("--field", presence_options.field, "the field that it is about");

  CLI::App* shell_command = app.add_subcommand("shell", "obey commands from standard input");
  shell_command->add_option("document", document, "COLLECTION/KEY")->required();

  TokenOptions token_options;
  CLI::App* token_command = app.add_subcommand("token", "mint a token (HS256), for trying things out");
  token_command->add_option("--key-id", token_options.claims.key_id, "the key's id in converge.jwt_key")
      ->required();
  token_command->add_option("--secret", token_options.secret, "the key's secret")
      ->envname("CONVERGE_SECRET")
      ->required();
  token_command->add_option("--tenant", token_options.claims.tenant)->required();
  token_command->add_option("--principal", token_options.claims.principal)->required();
  token_command->add_option("--lifetime", token_options.lifetime_s, "seconds until it expires")
      ->capture_default_str();

  YjsCommands yjs(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  options.push = push.timing();
  if (*tail_command) return tail(options, document);
  if (*create_command) {
    name_new_document(create_document, &create_options);
    return create(options, create_options);
  }
  if (*edit_command) return edit(options, edit_options);
  if (*replay_command) return replay(options, replay_options);
  if (*presence_command) return presence(options, presence_options);
  if (*shell_command) return shell(options, document);
  if (yjs.parsed()) return yjs.run(options);
  return print_token(token_options);
}

}  // namespace
}  // namespace converge::cli

int main(int argc, char** argv) {
  using namespace converge::cli;
  try {
    return run(argc, argv);
  } catch (const boost::system::system_error& error) {
    std::cerr << "converge: no connection: " << error.code().message() << "\n";
    return kExitConnection;
  } catch (const DatabaseUnavailable& error) {
    std::cerr << "converge: no connection: " << error.what() << "\n";
    return kExitConnection;
  } catch (const std::invalid_argument& error) {
    std::cerr << "converge: " << error.what() << "\n";
    return kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "converge: " << error.what() << "\n";
    return kExitFailed;
  }
}
