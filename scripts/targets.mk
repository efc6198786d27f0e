# Targets for people, in scripts of their own; the Makefile includes this.
#
#   make install-deps     install the Debian packages that are missing
#   make demo             the demo, until Ctrl-C; with DETACH=1 until make demo-stop
#   make test             every test, on private clusters
#   make bench-core       the core's figures, and ratios to peers; BENCH_TRACE=FILE for another trace
#   make bench-sql        the extension's figures from SQL; SUBJECTS='merge_agg' for some of them
#   make bench-access     what policies cost, and asking again for 10,000 clients after a grant
#   make bench-live       the live path's, beside others; WORKLOADS='w1 w3' for some of it
#   make bench-yjs        Yjs documents: the live path beside y-websocket and Hocuspocus, merging, storing;
#                         GENERATOR=peers for the load generator of ../shared/peers/server
#   make fuzz             every decoder under the fuzzer; SECONDS_EACH=60 for longer
#   make mutate           what the tests let live when operators are flipped; SEED=1 SITES=50 UNDER=src/core (or worker/bridge/websocket)
#   make large-transaction   a transaction of a million changes through plugin, worker and bridge; CHANGES=2000000
#   make random-calls     random calls of the types under UBSan; CALLS=1000000 SEED=N ONLY=ydoc

install-deps:
	scripts/install-deps
demo:
	@scripts/demo start $(if $(DETACH),--detach)
demo-stop:
	@scripts/demo stop
test:
	@scripts/test $(SUITES)
bench-core:
	@$(if $(BENCH_TRACE),BENCH_TRACE="$(BENCH_TRACE)") bench/core/run
bench-sql:
	@scripts/build extension
	@scripts/install-extension
	@bench/sql/run $(SUBJECTS)
bench-access:
	@$(MAKE) --no-print-directory bench-sql SUBJECTS=access
bench-live:
	@scripts/build extension native
	@scripts/install-extension
	@bench/live/run $(WORKLOADS)
bench-yjs:
	@scripts/build extension native
	@scripts/install-extension
	@SERVERS='yjs yws hocuspocus' FIGURES=by-server bench/live/run $(or $(WORKLOADS),w1 w2 w3 w5)
	@node bench/core/ydoc.mjs build/cmake/bench-ydoc
fuzz:
	@scripts/fuzz $(SECONDS_EACH)
mutate:
	@test/mutation/mutate --seed $(or $(SEED),1) --sites $(or $(SITES),50) $(if $(UNDER),--under $(UNDER))
large-transaction:
	@scripts/build extension native
	@scripts/install-extension
	@for suite in stream bridge; do CONVERGE_MANY_CHANGES=$(or $(CHANGES),1000000) \
	  /usr/bin/python3 -m pytest -q -s -p no:cacheprovider -k 'many_changes or large_transaction_takes' test/$$suite || exit 1; done
random-calls:
	@test/types/random-calls $(or $(CALLS),1000000) '$(SEED)' '$(ONLY)'
.PHONY: large-transaction random-calls install-deps demo demo-stop test bench-core bench-sql bench-access bench-live bench-yjs fuzz mutate
