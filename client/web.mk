# The core as WebAssembly, the TypeScript client, and the page that the bridge
# serves. Included by the Makefile; also `make -f client/web.mk web` alone.
#
#   wasm      build/wasm/converge.wasm
#   web       build/web/: the page
#   web-test  the client's unit tests
#   client-package  client/typescript/dist: what npm takes

.PHONY: wasm web client-package web-test web-test-bundle web-clean

WASM_CXX ?= clang++-19
WASM_BUILD := build/wasm
WASM_MODULE := $(WASM_BUILD)/converge.wasm
WASM_SOURCES := $(shell find src/core client/wasm -name '*.cpp')
WASM_OBJECTS := $(WASM_SOURCES:%.cpp=$(WASM_BUILD)/%.o)
WASM_FLAGS := --target=wasm32-wasi -std=c++20 -Oz -flto -mbulk-memory -fno-exceptions -fno-rtti \
	-fvisibility=hidden -DNDEBUG -Wall -Wextra $(if $(WERROR),-Werror) -Isrc -Iclient/wasm
WASM_LINK := --target=wasm32-wasi -mexec-model=reactor -Oz -flto -mbulk-memory -Wl,--strip-debug

CLIENT := client/typescript
CLIENT_BIN := $(CLIENT)/node_modules/.bin
CLIENT_WIRE := $(CLIENT)/generated/converge.ts
CLIENT_SOURCES = $(shell find $(CLIENT)/src $(CLIENT)/page -name '*.ts')
ESBUILD = $(CLIENT_BIN)/esbuild --bundle --format=esm --log-level=warning

wasm: $(WASM_MODULE)

$(WASM_MODULE): $(WASM_OBJECTS)
	$(WASM_CXX) $(WASM_LINK) -o $@ $^

$(WASM_BUILD)/%.o: %.cpp client/web.mk
	@mkdir -p $(@D)
	$(WASM_CXX) $(WASM_FLAGS) -MMD -MP -c -o $@ $<

-include $(WASM_OBJECTS:.o=.d)

$(CLIENT)/node_modules/.package-lock.json: $(CLIENT)/package-lock.json
	scripts/npm-packages $(CLIENT)

$(CLIENT_WIRE): proto/converge.proto $(CLIENT)/node_modules/.package-lock.json
	@mkdir -p $(@D)
	protoc --plugin=$(CLIENT_BIN)/protoc-gen-ts_proto --ts_proto_out=$(@D) -I proto converge.proto \
	  --ts_proto_opt=forceLong=bigint,oneof=unions-value,env=both,outputJsonMethods=false,importSuffix=.js,esModuleInterop=true

web: build/web/page.js build/web/yjs.js build/web/converge.wasm build/web/index.html build/web/page.css build/web/yjs.css build/web/sql_box.css

build/web/page.js: $(CLIENT_SOURCES) $(CLIENT_WIRE)
	$(CLIENT_BIN)/tsc -p $(CLIENT)
	$(ESBUILD) --minify --sourcemap --target=es2022 --outfile=$@ $(CLIENT)/page/page.ts

# The Yjs editors, which the page loads where a row has a Yjs document.
build/web/yjs.js: $(CLIENT_SOURCES) $(CLIENT_WIRE)
	$(ESBUILD) --minify --sourcemap --target=es2022 --outfile=$@ $(CLIENT)/page/yjs/editors.ts

build/web/converge.wasm: $(WASM_MODULE)
	@mkdir -p $(@D)
	cp $< $@

build/web/%: $(CLIENT)/page/%
	@mkdir -p $(@D)
	cp $< $@

client-package: $(CLIENT)/dist/index.js $(CLIENT)/dist/converge.wasm

$(CLIENT)/dist/index.js: $(CLIENT_SOURCES) $(CLIENT_WIRE)
	$(CLIENT_BIN)/tsc -p $(CLIENT)/tsconfig.package.json
	$(ESBUILD) --packages=external --sourcemap --target=es2022 --outfile=$@ $(CLIENT)/src/index.ts

$(CLIENT)/dist/converge.wasm: $(WASM_MODULE)
	@mkdir -p $(@D)
	cp $< $@

web-test-bundle: $(WASM_MODULE) $(CLIENT_WIRE)
	rm -rf build/client-test
	$(ESBUILD) --platform=node --packages=external --outdir=build/client-test --out-extension:.js=.mjs \
	  $(wildcard $(CLIENT)/test/*.test.ts)
	ln -sfn ../../$(CLIENT)/node_modules build/client-test/node_modules

web-test: web-test-bundle
	cd build/client-test && CONVERGE_WASM=../wasm/converge.wasm node --test

web-clean:
	rm -rf $(WASM_BUILD) build/web build/client-test $(CLIENT)/generated $(CLIENT)/dist
