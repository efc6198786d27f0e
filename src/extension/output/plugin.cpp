// converge_output: the logical decoding output plugin. It emits the rows that
// committed transactions added to converge.change as wire.StreamFrame
// (proto/converge.proto), in protobuf or JSON; docs/reference/stream.md is its
// manual. Refused numbers (rows without payload) are emitted too, so that the
// stream holds one change for each row of the log, and a reader can tell a
// number that was refused from one that is missing.
#include "frame_writer.h"
#include "protobuf_frame.h"

extern "C" {
CONVERGE_MODULE_MAGIC("converge_output");
PGDLLEXPORT extern void _PG_output_plugin_init(OutputPluginCallbacks* callbacks);
}

namespace converge::output {
namespace {

// How many changes to pass over before the receiver is told that the decoder
// is alive.
constexpr int kProgressInterval = 100;

// Tenant and principal have 256 bytes each at most.
constexpr Size kLongestAccessChange = 1024;

struct Plugin {
  Options options;
  MemoryContext change_context;  // reset after each change
  DocumentCache* names;
  FrameWriter* frames;
  int passed_over;  // changes since the last sign of life
};

Plugin* plugin_of(LogicalDecodingContext* context) {
  return static_cast<Plugin*>(context->output_plugin_private);
}

// Keeps a receiver with a timeout from giving up during a long transaction of
// which it gets nothing.
void note_passed_over(LogicalDecodingContext* context) {
  Plugin* plugin = plugin_of(context);

  if (++plugin->passed_over >= kProgressInterval) {
    OutputPluginUpdateProgress(context, false);
    plugin->passed_over = 0;
  }
}

void startup(LogicalDecodingContext* context, OutputPluginOptions* output, bool) {
  MemoryContext old = MemoryContextSwitchTo(context->context);
  auto* plugin = static_cast<Plugin*>(palloc0(sizeof(Plugin)));

  plugin->options = parse_options(context->output_plugin_options);
  plugin->change_context =
      AllocSetContextCreate(context->context, "converge change", ALLOCSET_DEFAULT_SIZES);
  plugin->names = DocumentCache::create(context->context);
  plugin->frames = FrameWriter::create(context->context, plugin->options);
  context->output_plugin_private = plugin;
  output->output_type = plugin->options.format == Format::json ? OUTPUT_PLUGIN_TEXTUAL_OUTPUT
                                                               : OUTPUT_PLUGIN_BINARY_OUTPUT;
  output->receive_rewrites = false;
  MemoryContextSwitchTo(old);
}

void begin(LogicalDecodingContext* context, ReorderBufferTXN* transaction) {
  plugin_of(context)->frames->begin(context, transaction);
}

void emit(Plugin* plugin, const ChangeRow& row) {
  const Options& options = plugin->options;

  if (!passes(options.tenants, row.tenant) || !passes(options.documents, row.document)) return;
  const DocumentName* name = plugin->names->find(row.tenant, row.document);
  if (options.collections != NIL &&
      (name == nullptr || !passes(options.collections, name->collection)))
    return;
  plugin->frames->add(row, name);
}

void change(LogicalDecodingContext* context, ReorderBufferTXN*, Relation relation,
            ReorderBufferChange* change) {
  Plugin* plugin = plugin_of(context);
  const bool insert = change->action == REORDER_BUFFER_CHANGE_INSERT;

  switch (log_table_of(relation)) {
    case LogTable::none:
      break;

    case LogTable::document:
    case LogTable::collection:
      // Rows there do not change, but for what an administrator does.
      if (!insert) plugin->names->clear();
      break;

    case LogTable::change: {
      // The log loses rows only to compaction and erasure, which are no
      // changes of documents.
      HeapTuple tuple = insert ? INSERTED_TUPLE(change) : nullptr;
      ChangeRow row;

      if (tuple == nullptr) break;
      MemoryContext old = MemoryContextSwitchTo(plugin->change_context);
      if (read_change_row(relation, tuple, &row))
        emit(plugin, row);
      else
        ereport(
            WARNING,
            (errmsg("a row of converge.change was passed over by output plugin converge_output"),
             errdetail("It does not have the columns that this version of the plugin knows."),
             errhint("Install the version of converge_output that belongs to the extension's.")));
      MemoryContextSwitchTo(old);
      MemoryContextReset(plugin->change_context);
      break;
    }
  }
  note_passed_over(context);
}

// The extension's messages (policy_state.h). Others may write such a message too:
// subscriptions are checked once more then, no more.
void message(LogicalDecodingContext* context, ReorderBufferTXN*, XLogRecPtr, bool transactional,
             const char* prefix, Size size, const char* bytes) {
  Plugin* plugin = plugin_of(context);

  if (plugin->options.access && transactional && size <= kLongestAccessChange &&
      strcmp(prefix, "converge.access") == 0) {
    MemoryContext old = MemoryContextSwitchTo(plugin->change_context);
    const char* tenant = tenant_of_access(bytes, static_cast<int>(size));

    if (tenant != nullptr && (tenant[0] == '\0' || passes(plugin->options.tenants, tenant)))
      plugin->frames->add_access(bytes, static_cast<int>(size));
    MemoryContextSwitchTo(old);
    MemoryContextReset(plugin->change_context);
  }
  note_passed_over(context);
}

void truncate(LogicalDecodingContext* context, ReorderBufferTXN*, int, Relation*,
              ReorderBufferChange*) {
  plugin_of(context)->names->clear();
}

void commit(LogicalDecodingContext* context, ReorderBufferTXN*, XLogRecPtr) {
  const bool any = plugin_of(context)->frames->finish();

  OutputPluginUpdateProgress(context, !any);
}

}  // namespace
}  // namespace converge::output

void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
  callbacks->startup_cb = converge::output::startup;
  callbacks->begin_cb = converge::output::begin;
  callbacks->change_cb = converge::output::change;
  callbacks->message_cb = converge::output::message;
  callbacks->truncate_cb = converge::output::truncate;
  callbacks->commit_cb = converge::output::commit;
}
