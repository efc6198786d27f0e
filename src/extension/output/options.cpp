#include "options.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace converge::output {
namespace {

const char* value_of(DefElem* element) {
  if (element->arg == nullptr)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("option \"%s\" of output plugin converge_output needs a value",
                           element->defname)));
  return defGetString(element);
}

[[noreturn]] void raise_invalid_value(const char* option, const char* value, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("invalid value \"%s\" for option \"%s\" of output plugin converge_output",
                         value, option),
                  errhint("%s", hint)));
}

uint64 parse_document(const char* value) {
  char* end = nullptr;

  errno = 0;
  const unsigned long long number = strtoull(value, &end, 10);
  // Identity columns start at 1; a sign would be wrapped by strtoull.
  if (errno != 0 || end == value || *end != '\0' || strchr(value, '-') != nullptr || number == 0 ||
      number > static_cast<unsigned long long>(PG_INT64_MAX))
    raise_invalid_value("document", value,
                        "A document is named by its number in converge.document.");
  return number;
}

void raise_if_given(bool* given, const char* option) {
  if (*given)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("option \"%s\" of output plugin converge_output is given twice", option)));
  *given = true;
}

}  // namespace

Options parse_options(List* elements) {
  Options options;
  bool format_given = false;
  bool framing_given = false;
  bool access_given = false;
  ListCell* cell;

  foreach (cell, elements) {
    DefElem* element = lfirst_node(DefElem, cell);
    const char* name = element->defname;

    if (strcmp(name, "format") == 0) {
      const char* value = value_of(element);

      raise_if_given(&format_given, name);
      if (strcmp(value, "protobuf") == 0)
        options.format = Format::protobuf;
      else if (strcmp(value, "json") == 0)
        options.format = Format::json;
      else
        raise_invalid_value(name, value, "Formats are \"protobuf\" and \"json\".");
    } else if (strcmp(name, "framing") == 0) {
      const char* value = value_of(element);

      raise_if_given(&framing_given, name);
      if (strcmp(value, "none") == 0)
        options.framing = Framing::none;
      else if (strcmp(value, "length") == 0)
        options.framing = Framing::length;
      else
        raise_invalid_value(name, value, "Framings are \"none\" and \"length\".");
    } else if (strcmp(name, "access") == 0) {
      raise_if_given(&access_given, name);
      options.access = defGetBoolean(element);
    } else if (strcmp(name, "tenant") == 0)
      options.tenants = lappend(options.tenants, pstrdup(value_of(element)));
    else if (strcmp(name, "collection") == 0)
      options.collections = lappend(options.collections, pstrdup(value_of(element)));
    else if (strcmp(name, "document") == 0) {
      auto* document = static_cast<uint64*>(palloc(sizeof(uint64)));

      *document = parse_document(value_of(element));
      options.documents = lappend(options.documents, document);
    } else
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("unrecognized option \"%s\" of output plugin converge_output", name),
                      errhint("Options are \"format\", \"framing\", \"access\", \"tenant\", "
                              "\"collection\" and \"document\".")));
  }

  if (options.format == Format::json && options.framing == Framing::length)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("option \"framing\" of output plugin converge_output cannot be "
                           "\"length\" with format \"json\""),
                    errhint("A frame in JSON is one line.")));
  if (options.format == Format::json && options.access)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("option \"access\" of output plugin converge_output cannot be \"on\" "
                           "with format \"json\"")));
  return options;
}

bool passes(const List* filter, const char* value) {
  const ListCell* cell;

  if (filter == NIL) return true;
  foreach (cell, filter)
    if (strcmp(static_cast<const char*>(lfirst(cell)), value) == 0) return true;
  return false;
}

bool passes(const List* filter, uint64 value) {
  const ListCell* cell;

  if (filter == NIL) return true;
  foreach (cell, filter)
    if (*static_cast<const uint64*>(lfirst(cell)) == value) return true;
  return false;
}

}  // namespace converge::output
