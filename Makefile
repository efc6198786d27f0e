# Builds and installs the PostgreSQL extension (PGXS): converge.so, the install
# script, and, by its own Makefile, the output plugin. The core library, bridge
# and tools are CMakeLists.txt's, the WASM module and the page client/web.mk's.
#
#   make [WERROR=1]            build            make installcheck  pg_regress
#   make install               install          make clean
#   PG_CONFIG=…                which PostgreSQL (15 to 18)
#
# The convenience targets (demo, test, install-deps) need no PostgreSQL and live
# in scripts/targets.mk.

.DEFAULT_GOAL := all
PG_CONFIG ?= pg_config
BUILD := build/extension

-include scripts/targets.mk
include client/web.mk

PGXS := $(if $(shell command -v $(PG_CONFIG) 2>/dev/null),$(wildcard $(shell $(PG_CONFIG) --pgxs)))

ifeq ($(PGXS),)

all install installcheck:
	@echo "no PostgreSQL server headers for '$(PG_CONFIG)': run make install-deps, or set PG_CONFIG" >&2
	@exit 1
clean:
	rm -rf build
.PHONY: all install installcheck clean

else

# --------------------------------------------------------------- what is built

EXTENSION = converge
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" converge.control)
MODULE_big = converge

SOURCES := $(wildcard src/core/*.cpp src/core/*/*.cpp) \
           $(filter-out src/extension/output/%,$(wildcard src/extension/*.cpp src/extension/*/*.cpp)) \
           $(wildcard worker/background/*.cpp)
OBJS := $(SOURCES:%.cpp=$(BUILD)/%.o) $(BUILD)/proto/converge.pb-c.o

# What several types have in common is written once, in an .sql.in, and made for
# each @type@.
CLOCK_TYPES := version_vector log_version
STATE_TYPES := lww_map or_set crdt_text pn_counter g_counter mv_register lww_set ydoc
SET_TYPES := or_set lww_set
$(BUILD)/%.clock.sql: src/extension/types/clock.sql.in
	@mkdir -p $(@D)
	sed 's/@type@/$*/g' $< > $@
$(BUILD)/%.merge_agg.sql: src/extension/types/merge_agg.sql.in
	@mkdir -p $(@D)
	sed 's/@type@/$*/g' $< > $@
$(BUILD)/%.set_gin.sql: src/extension/types/set_gin.sql.in
	@mkdir -p $(@D)
	sed 's/@type@/$*/g' $< > $@
$(BUILD)/%.set.sql: src/extension/types/set.sql.in
	@mkdir -p $(@D)
	sed 's/@type@/$*/g' $< > $@
$(BUILD)/%.state.sql: src/extension/types/state.sql.in
	@mkdir -p $(@D)
	sed 's/@type@/$*/g' $< > $@

# The install script, in the order of what needs what.
SQL_PARTS := \
	src/extension/schema.sql \
	src/extension/converge.sql \
	src/extension/security/roles.sql \
	$(CLOCK_TYPES:%=$(BUILD)/%.clock.sql) \
	src/extension/types/hlc.sql \
	$(STATE_TYPES:%=$(BUILD)/%.state.sql) \
	$(STATE_TYPES:%=$(BUILD)/%.merge_agg.sql) \
	$(SET_TYPES:%=$(BUILD)/%.set.sql) \
	$(SET_TYPES:%=$(BUILD)/%.set_gin.sql) \
	src/extension/types/lww_map.sql \
	src/extension/types/lww_map_subscript.sql \
	src/extension/types/lww_map_gin.sql \
	src/extension/types/or_set.sql \
	src/extension/types/crdt_text.sql \
	src/extension/types/text_places.sql \
	src/extension/types/counter.sql \
	src/extension/types/mv_register.sql \
	src/extension/types/lww_set.sql \
	src/extension/types/element_stats.sql \
	src/extension/types/ydoc.sql \
	src/extension/security/identity.sql \
	src/extension/security/secret.sql \
	src/extension/security/authenticate.sql \
	src/extension/security/audit.sql \
	src/extension/documents/log.sql \
	src/extension/documents/known_document.sql \
	src/extension/security/permission.sql \
	src/extension/security/revocation.sql \
	src/extension/security/limits.sql \
	src/extension/security/identify.sql \
	src/extension/security/subject.sql \
	src/extension/security/access_report.sql \
	src/extension/documents/node.sql \
	src/extension/documents/track.sql \
	src/extension/documents/sync.sql \
	src/extension/documents/yjs.sql \
	src/extension/documents/repair.sql \
	src/extension/documents/compact.sql \
	src/extension/documents/fold.sql \
	src/extension/documents/history.sql \
	worker/background/status.sql \
	src/extension/security/grants.sql

SQL_MISSING := $(filter-out $(BUILD)/% $(wildcard $(SQL_PARTS)),$(SQL_PARTS))
SQL_UNLISTED := $(filter-out $(SQL_PARTS) src/extension/upgrade/%, \
                  $(wildcard src/extension/*.sql src/extension/*/*.sql worker/background/*.sql))
ifneq ($(strip $(SQL_MISSING) $(SQL_UNLISTED)),)
$(error SQL_PARTS does not match the .sql files: missing [$(SQL_MISSING)] unlisted [$(SQL_UNLISTED)])
endif

# Not INSTALL_SCRIPT or the like: those are names of PGXS, and /usr/bin/install a target.
CONVERGE_SQL := $(BUILD)/converge--$(EXTVERSION).sql
# The way from the version before is written like the install script: what is wholly
# new there is one of its parts, which a line "@include PART" stands for. When a version
# is released, the made script is committed instead, and stays as it is.
UPGRADE_SOURCES := $(wildcard src/extension/upgrade/converge--*.sql.in)
UPGRADE_SQL := $(UPGRADE_SOURCES:src/extension/upgrade/%.in=$(BUILD)/%)
DATA_built = $(CONVERGE_SQL) $(UPGRADE_SQL)
DATA = $(wildcard src/extension/upgrade/converge--*.sql)

# ----------------------------------------------------------------------- flags

# No bitcode: PGXS's step for it ignores the C++ flags.
override with_llvm = no
PG_CPPFLAGS = -Isrc -Ibuild -I. -isystem $(shell $(PG_CONFIG) --includedir-server) \
              -DCONVERGE_VERSION='"$(EXTVERSION)"'
# -g1 as in CMakeLists.txt: what a backtrace needs.
PG_CXXFLAGS = -std=c++20 -O2 -g1 -fvisibility=hidden -fvisibility-inlines-hidden \
              -Wall -Wextra -Wno-register $(if $(WERROR),-Werror)
PG_CFLAGS = -fvisibility=hidden
SHLIB_LINK += -lstdc++ -lcrypto -lprotobuf-c

# ----------------------------------------------------------------------- tests

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=converge --encoding=UTF8
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=converge --encoding=UTF8
# A library of functions that fail on purpose, or count (test/boundary); never installed.
# The server must be able to read it at this path.
BOUNDARY_LIBRARY ?= $(CURDIR)/$(BUILD)/converge_boundary_test$(DLSUFFIX)
export BOUNDARY_LIBRARY

EXTRA_CLEAN = build/extension build/proto

include $(PGXS)

# ----------------------------------------------------------------------- rules

build/proto/converge.pb-c.c build/proto/converge.pb-c.h &: proto/converge.proto
	@mkdir -p build/proto
	protoc-c --proto_path=proto --c_out=build/proto $<

$(BUILD)/proto/converge.pb-c.o: build/proto/converge.pb-c.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wno-missing-prototypes $(CFLAGS_SL) $(CPPFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.cpp Makefile | build/proto/converge.pb-c.h
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -MMD -MP -c $< -o $@

TEST_OBJS = $(BUILD)/test/boundary/boundary_test.o $(BUILD)/test/boundary/state_counts.o
-include $(OBJS:.o=.d) $(TEST_OBJS:.o=.d)

$(CONVERGE_SQL): $(SQL_PARTS) Makefile converge.control
	@mkdir -p $(@D)
	{ printf '%s\n' '\echo Use "CREATE EXTENSION converge" to load this file. \quit'; \
	  for part in $(SQL_PARTS); do printf '\n-- %s\n\n' "$$part"; cat "$$part"; done; } > $@.new
	mv $@.new $@

$(UPGRADE_SQL): $(BUILD)/%: src/extension/upgrade/%.in $(SQL_PARTS) Makefile
	@mkdir -p $(@D)
	awk '$$1 == "@include" { while ((read = (getline line < $$2)) > 0) print line; \
	                         if (read < 0) { print FILENAME ": cannot read " $$2 > "/dev/stderr"; exit 1 } \
	                         close($$2); next } \
	     { print }' $< > $@.new
	mv $@.new $@

$(BUILD)/converge_boundary_test$(DLSUFFIX): $(TEST_OBJS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $^ -lstdc++

installcheck: $(BUILD)/converge_boundary_test$(DLSUFFIX)

# The output plugin is a library of its own, with a Makefile of its own.
ifneq ($(wildcard src/extension/output/Makefile),)
OUTPUT_ARGS = -C src/extension/output PG_CONFIG='$(PG_CONFIG)' WERROR='$(if $(WERROR),-Werror)'

all: output-all
install: output-install
clean: output-clean

output-all: build/proto/converge.pb-c.h
	$(MAKE) $(OUTPUT_ARGS) all
output-install: output-all
	$(MAKE) $(OUTPUT_ARGS) install
output-clean:
	$(MAKE) $(OUTPUT_ARGS) clean
.PHONY: output-all output-install output-clean
endif

endif
